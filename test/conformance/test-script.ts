import type { Answer, Json, TestClient } from '../fixtures/server.ts'

/** Run a FHIR TestScript (the part of it that mock.health's scripts use) and say why it failed; undefined: passed. */
export async function runTestScript(script: Json, client: TestClient): Promise<string | undefined> {
  for (const test of script.test as Json[]) {
    let answer: Answer | undefined
    for (const { operation, assert } of test.action as Json[]) {
      if (operation) answer = await perform(operation, client)
      else if (!answer) return `${test.name}: an assertion before any operation`
      else {
        const reason = refuted(assert, answer)
        if (reason !== undefined) return `${test.name}: ${assert.label}: ${reason}`
      }
    }
  }
  return undefined
}

function perform(operation: Json, client: TestClient): Promise<Answer> {
  const headers = Object.fromEntries((operation.requestHeader ?? []).map(({ field, value }: Json) => [field, value]))
  const code: string = operation.type.code
  const history = code === 'history' ? '/_history' : ''
  const at = code === 'capabilities' ? 'metadata' : (operation.resource ?? '')
  const path = `${at}${history}${operation.params ?? ''}`
  return client.send(operation.method?.toUpperCase() ?? 'GET', path.replace(/^\//, ''), undefined, headers)
}

/** Why the answer does not meet the assertion. Unknown kinds fail: a check that was not made is no success. */
function refuted(assertion: Json, answer: Answer): string | undefined {
  const found = actual(assertion, answer)
  if (found === undefined) return 'the runner does not know this assertion'
  const { wanted, is } = found
  return holds(assertion.operator ?? 'equals', is, wanted) ? undefined : `is ${is.slice(0, 80)}`
}

function actual(assertion: Json, answer: Answer): { is: string; wanted: string } | undefined {
  if (assertion.responseCode !== undefined) return { is: String(answer.status), wanted: assertion.responseCode }
  if (assertion.responseBody !== undefined) return { is: answer.text, wanted: assertion.responseBody }
  if (assertion.contentType !== undefined)
    return { is: answer.headers.get('content-type') ?? '', wanted: assertion.contentType }
  if (assertion.headerField !== undefined)
    return { is: answer.headers.get(assertion.headerField) ?? '', wanted: assertion.value ?? '' }
  return undefined
}

function holds(operator: string, is: string, wanted: string): boolean {
  switch (operator) {
    case 'equals':
      return is === wanted
    case 'notEquals':
      return is !== wanted
    case 'in':
      return wanted.split(',').includes(is)
    case 'notIn':
      return !wanted.split(',').includes(is)
    case 'contains':
      return is.includes(wanted)
    case 'notContains':
      return !is.includes(wanted)
    case 'notEmpty':
      return is !== ''
    case 'matchesRegex':
      return new RegExp(wanted, 'is').test(is)
    default:
      return false
  }
}

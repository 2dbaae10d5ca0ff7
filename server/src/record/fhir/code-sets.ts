import { type Fault, raise } from '#kernel'
import { type Json, type Shelf, type Terminology, TerminologyError } from '#terminology'
import { CODES_TOO_MANY, type CodeSets, type SystemCode } from './search/index.ts'

/** What the search asks of the terminology. */
export function codeSets(terminology: Terminology, shelf: (tenant: number) => Shelf): CodeSets {
  const expand = async (tenant: number, valueSet: string | Json, max: number): Promise<SystemCode[]> => {
    const text = typeof valueSet === 'string' ? valueSet : undefined
    const parameter = [
      // One more than may be: that tells whether there are too many.
      { name: 'count', valueInteger: max + 1 },
      ...(text === undefined ? [] : [{ name: 'url', valueUri: text }]),
    ]
    const call = {
      parameters: { resourceType: 'Parameters', parameter },
      record: shelf(tenant),
      ...(typeof valueSet === 'string' ? {} : { resource: valueSet }),
    }
    return codesOf(await told(() => terminology.run('expand', call)), max)
  }
  return {
    members: (tenant, valueSet, max) => expand(tenant, valueSet as string | Json, max),
    relatives: async (tenant, code, direction, max) => {
      const filter = { property: 'concept', op: direction === 'below' ? 'is-a' : 'generalizes', value: code.code }
      const include = [{ system: code.system, filter: [filter] }]
      const found = await expand(tenant, { resourceType: 'ValueSet', status: 'active', compose: { include } }, max)
      // A code is above and below itself, also where the code system does not know it.
      return found.some((one) => one.code === code.code) ? found : [code, ...found]
    },
  }
}

function codesOf(valueSet: object, max: number): SystemCode[] {
  const codes: SystemCode[] = []
  const visit = (entries: unknown): void => {
    for (const entry of (Array.isArray(entries) ? entries : []) as Partial<SystemCode & { contains: unknown }>[]) {
      const { system, code, contains } = entry
      if (typeof system === 'string' && typeof code === 'string') codes.push({ system, code })
      if (codes.length > max) raise(CODES_TOO_MANY)
      visit(contains)
    }
  }
  visit((valueSet as { expansion?: { contains?: unknown } }).expansion?.contains)
  return codes
}

/** The terminology quotes what it was asked for; a fault of the search does not. */
async function told(run: () => Promise<object>): Promise<object> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof TerminologyError)) throw error
    const issues = (error.outcome as { issue?: { code?: unknown }[] }).issue ?? []
    return raise(issues.some(({ code }) => code === 'too-costly') ? CODES_TOO_MANY : UNKNOWN, error)
  }
}

const UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.search.codes-unknown',
  message:
    'The value set or code system of the search is not known here, or cannot be expanded. Store or load it first; ValueSet/$expand says more.',
}

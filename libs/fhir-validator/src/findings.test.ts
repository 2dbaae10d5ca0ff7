import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionsWith } from '../../../test/fixtures/definitions.ts'
import { errorsOf, profile, validated } from '../../../test/fixtures/validation.ts'
import { createValidator, distinctIssues, type Issue, issuesOfVerdict, withSnapshot } from './index.ts'

const PATIENT = { resourceType: 'Patient', id: 'a' }

const textsOf = (resource: object): string[] => validated(resource, []).issues.map(({ text }) => text)

test('what is not known is named by its address, without query, fragment and version', () => {
  const url = 'http://example.test/fhir/StructureDefinition/eye-colour'
  assert.deepEqual(textsOf({ ...PATIENT, extension: [{ url: `${url}?a=b`, valueString: 'x' }] }), [
    `The extension ${url} has no known definition, so it was not checked.`,
  ])
  assert.deepEqual(textsOf({ ...PATIENT, meta: { profile: [`${url}|1.0`] } }), [
    `The profile ${url} is not known here, so it was not checked.`,
  ])
  assert.deepEqual(textsOf({ ...PATIENT, meta: { profile: ['urn:oid:1.2.3', 'http://a b'] } }), [
    'The profile urn:oid:1.2.3 is not known here, so it was not checked.',
    'The profile is not known here, so it was not checked.',
    'Must be a URI, without white space.',
  ])
})

test('an unknown code system is named by its URI, and one that is no address is not repeated', () => {
  const text = (system: string): string => {
    const pending = {
      check: { valueSet: 'http://example.test/vs', codings: [{ system, code: 'x' }], systemImplied: false },
      strength: 'example',
      expression: 'Observation.code',
      type: 'CodeableConcept',
      displaySeverity: 'error',
    } as const
    return issuesOfVerdict(
      { ...pending, check: { ...pending.check, codings: [...pending.check.codings] } },
      { inValueSet: 'unknown', codings: [{ problem: 'unknown-system' }] },
    )
      .map((issue) => issue.text)
      .join()
  }
  assert.equal(
    text('http://example.test/codes'),
    'The code system http://example.test/codes is not known here, so the code was not checked.',
  )
  assert.equal(text('Jane Doe'), 'The code system is not known here, so the code was not checked.')
})

test('what two profiles ask for is one finding that names both; what R4 asks for names none', () => {
  const one = profile('one', 'Patient', [{ path: 'Patient.birthDate', min: 1 }])
  const two = profile('two', 'Patient', [{ path: 'Patient.birthDate', min: 1 }])
  assert.deepEqual(errorsOf(PATIENT, [one, two], { profiles: [String(one.url), String(two.url)] }), [
    `Patient: birthDate: at least 1 required, but 0 found (${one.url}, ${two.url}).`,
  ])
  const three = profile('three', 'Observation', [{ path: 'Observation.status', min: 1 }])
  assert.deepEqual(errorsOf({ resourceType: 'Observation', code: { text: 'x' } }, [three]), [
    'Observation: status: at least 1 required, but 0 found.',
  ])
})

test('of findings that say the same of the same place one is kept', () => {
  const issue: Issue = { severity: 'error', code: 'value', expression: 'Patient.gender', text: 'x' }
  const others: Issue[] = [
    { ...issue, severity: 'warning' },
    { ...issue, expression: 'Patient' },
    { ...issue, text: 'y' },
  ]
  assert.deepEqual(distinctIssues([issue, { ...issue }, ...others]), [issue, ...others])
})

test('a differential that does not fit its base says which element does not', () => {
  const broken = profile('broken', 'Patient', [{ path: 'Patient.shoeSize', min: 1 }])
  const definitions = definitionsWith([broken])
  const message = 'Its differential names an element that its base does not have: Patient.shoeSize.'
  assert.throws(() => withSnapshot(broken, definitions), { name: 'ProfileError', message })
  const { issues } = createValidator({ definitions }).validate(PATIENT, { profiles: [String(broken.url)] })
  assert.ok(issues[0]?.text.endsWith(message))
  const odd = profile('odd', 'Patient', [{ path: 'Patient.<script>', min: 1 }])
  assert.throws(() => withSnapshot(odd, definitions), { message: /base does not have\.$/ })
})

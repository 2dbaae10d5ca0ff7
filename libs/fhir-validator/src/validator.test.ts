import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionsWith } from '../../../test/fixtures/definitions.ts'
import { errorsOf, profile, terminologyOf, validated } from '../../../test/fixtures/validation.ts'
import { createValidator, issuesOfVerdict } from './index.ts'

const PATIENT = { resourceType: 'Patient', name: [{ family: 'Example', given: ['Ada'] }], gender: 'female' }

test('a resource that its type allows has no errors', () => {
  assert.deepEqual(errorsOf(PATIENT), [])
})

test('unknown elements, wrong types, missing elements and bad formats are found where the reference finds them', () => {
  const broken = {
    resourceType: 'Observation',
    unknown: 1,
    code: [{ text: 'x' }],
    effectiveDateTime: '2024-02-30',
    valueString: 'x',
    valueBoolean: true,
    note: { text: 'x' },
    referenceRange: [{ low: { value: 'x' } }],
  }
  assert.deepEqual(errorsOf(broken), [
    "Observation: There is no element 'unknown' here.",
    'Observation.code: Must be a single value, not an array.',
    'Observation.effective.ofType(dateTime): Must be YYYY, YYYY-MM, YYYY-MM-DD, or a date and time with seconds and time zone.',
    'Observation.value.ofType(boolean): Only one type of a choice element may be given.',
    'Observation.note: Must be a JSON array, even for one value.',
    'Observation.referenceRange[0].low.value: Must be a JSON number, without quotes.',
    'Observation: status: at least 1 required, but 0 found.',
  ])
})

test('what is no resource is said to be none', () => {
  for (const value of [
    null,
    undefined,
    1,
    'x',
    [],
    {},
    { resourceType: 'Nothing' },
    { resourceType: 1 },
    { resourceType: 'HumanName' },
  ])
    assert.deepEqual(errorsOf(value), ['Resource: Must be a resource with a resourceType that FHIR R4 has.'])
})

test('a message names definitions and never what the resource holds', () => {
  const secret = {
    resourceType: 'Patient',
    'secret value': 1,
    birthDate: 'secret',
    gender: 'secret',
    telecom: [{ system: 'secret', value: 5 }],
    extension: [
      { url: 'http://example.test/x?name=secret' },
      { url: 'http://secret@example.test/x' },
      { url: 'http://example.test/Patient/secret' },
      { url: 'http://example.test/of secret' },
      { url: `http://example.test/${'x'.repeat(200)}secret` },
    ],
    meta: { profile: ['http://example.test/y|secret', 'urn:secret', 'http://example.test/z#secret'] },
    generalPractitioner: [{ reference: 'Secret/secret' }],
    text: { status: 'generated', div: 'secret' },
  }
  const { issues } = validated(secret, [])
  assert.ok(issues.length > 5)
  for (const { expression, text } of issues) assert.ok(!`${expression}${text}`.toLowerCase().includes('secret'), text)
})

test('a claimed profile that is not known is a warning, one that is asked for an error', () => {
  const claimed = { ...PATIENT, meta: { profile: ['http://example.test/nowhere'] } }
  const { issues } = validated(claimed, [])
  assert.deepEqual(
    issues.map(({ severity, expression }) => [severity, expression]),
    [['warning', 'Patient.meta.profile[0]']],
  )
  assert.deepEqual(errorsOf(PATIENT, [], { profiles: ['http://example.test/nowhere'] }), [
    'Patient: The profile http://example.test/nowhere is not known here.',
  ])
  const other = profile('other', 'Observation', [{ path: 'Observation' }])
  assert.deepEqual(errorsOf(PATIENT, [other]), [
    `Patient: The profile ${other.url} is for Observation, not for Patient.`,
  ])
})

test('a claimed profile is followed unless the caller wants otherwise', () => {
  const named = profile('named', 'Patient', [{ path: 'Patient' }, { path: 'Patient.birthDate', min: 1 }])
  const claimed = { ...PATIENT, meta: { profile: [named.url] } }
  const missing = [
    'Patient: birthDate: at least 1 required, but 0 found (http://example.test/StructureDefinition/named).',
  ]
  assert.deepEqual(errorsOf(claimed, [named], { profiles: [] }), missing)
  assert.deepEqual(errorsOf(claimed, [named], { profiles: [], claimedProfiles: false }), [])
  assert.deepEqual(
    errorsOf(PATIENT, [named], { profiles: [], typeProfiles: new Map([['Patient', [String(named.url)]]]) }),
    missing,
  )
})

test('codes are errors, warnings or remarks by the strength of the binding', () => {
  const coded = (strength: string) =>
    profile(strength, 'Patient', [
      { path: 'Patient' },
      { path: 'Patient.maritalStatus', binding: { strength, valueSet: 'http://example.test/vs' } },
    ])
  const terminology = terminologyOf({ 'http://example.test/vs': ['M'] })
  const severities = (strength: string, code: string): string[] => {
    const definitions = definitionsWith([coded(strength)])
    const validator = createValidator({ definitions, terminology })
    const resource = {
      resourceType: 'Patient',
      maritalStatus: { coding: [{ system: 'http://example.test/cs', code }] },
    }
    const { issues } = validator.validate(resource, {
      profiles: [`http://example.test/StructureDefinition/${strength}`],
      bestPractice: 'ignore',
    })
    return issues.map(({ severity, expression }) => `${severity} ${expression}`)
  }
  assert.deepEqual(severities('required', 'X'), ['error Patient.maritalStatus'])
  assert.deepEqual(severities('extensible', 'X'), ['warning Patient.maritalStatus'])
  assert.deepEqual(severities('preferred', 'X'), ['information Patient.maritalStatus'])
  assert.deepEqual(severities('example', 'X'), [])
  assert.deepEqual(severities('required', 'M'), [])
})

test('a code that cannot be checked at once is left to the caller, with where an answer belongs', () => {
  const validator = createValidator({ definitions: definitionsWith([]), terminology: { checkNow: () => undefined } })
  const { pending } = validator.validate({ resourceType: 'Patient', gender: 'x' })
  const [one] = pending
  assert.deepEqual([pending.length, one?.expression, one?.strength], [1, 'Patient.gender', 'required'])
  assert.ok(one)
  assert.deepEqual(issuesOfVerdict(one, { inValueSet: true }), [])
  assert.deepEqual(
    issuesOfVerdict(one, { inValueSet: false }).map(({ severity, expression }) => [severity, expression]),
    [['error', 'Patient.gender']],
  )
})

test('codings of an answer are told apart by their place', () => {
  const pending = {
    check: {
      valueSet: 'http://example.test/vs',
      codings: [
        { system: 'a', code: 'b' },
        { system: 'c', code: 'd' },
      ],
      systemImplied: false,
    },
    strength: 'extensible',
    expression: 'Observation.code',
    type: 'CodeableConcept',
    displaySeverity: 'warning',
  } as const
  const codings = [{ problem: 'unknown-code' }, { problem: 'wrong-display', display: 'D' }] as const
  assert.deepEqual(
    issuesOfVerdict(
      { ...pending, check: { ...pending.check, codings: [...pending.check.codings] } },
      { inValueSet: true, codings },
    ).map(({ severity, expression }) => [severity, expression]),
    [
      ['error', 'Observation.code.coding[0].code'],
      ['warning', 'Observation.code.coding[1].display'],
    ],
  )
})

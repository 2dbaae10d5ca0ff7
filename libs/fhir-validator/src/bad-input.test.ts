import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionsWith } from '../../../test/fixtures/definitions.ts'
import { errorsOf, profile, texts } from '../../../test/fixtures/validation.ts'
import { createValidator } from './index.ts'

/** An object within itself so many times, under each of these names in turn. */
function nested(times: number, step: (inner: object) => object): object {
  let value: object = {}
  for (let at = 0; at < times; at++) value = step(value)
  return value
}

const DEEP = 10_000

test('10,000 objects within each other end in one finding that says so', () => {
  const deep: [string, object][] = [
    ['Patient', nested(DEEP, (inner) => ({ extension: [inner] }))],
    ['Questionnaire', nested(DEEP, (inner) => ({ item: [{ linkId: 'a', type: 'group', ...inner }] }))],
    ['QuestionnaireResponse', nested(DEEP, (inner) => ({ item: [{ linkId: 'a', ...inner }] }))],
    ['CodeSystem', nested(DEEP, (inner) => ({ concept: [{ code: 'a', ...inner }] }))],
    ['Parameters', { parameter: [nested(DEEP, (inner) => ({ name: 'a', part: [inner] }))] }],
    ['Bundle', nested(DEEP, (inner) => ({ entry: [{ resource: { resourceType: 'Bundle', ...inner } }] }))],
  ]
  for (const [resourceType, value] of deep) {
    const errors = errorsOf({ resourceType, ...value })
    assert.ok(
      errors.some((text) => text.includes('More than 100 objects within each other')),
      resourceType,
    )
  }
})

test('depth where no element is does no harm either', () => {
  const lists = nested(DEEP, (inner) => [inner])
  const objects = nested(DEEP, (inner) => ({ a: inner, id: 'x' }))
  for (const value of [lists, objects]) {
    const patient = {
      resourceType: 'Patient',
      nothing: value,
      name: value,
      contained: [{ resourceType: 'Basic', id: 'a', nothing: value }],
    }
    assert.ok(errorsOf(patient).length > 0)
    const links = '<div xmlns="http://www.w3.org/1999/xhtml"><a href="#none">x</a></div>'
    assert.ok(errorsOf({ ...patient, text: { status: 'generated', div: links } }).length > 0)
    const composition = { resourceType: 'Composition', nothing: value }
    assert.ok(errorsOf({ resourceType: 'Bundle', type: 'document', entry: [{ resource: composition }] }).length > 0)
  }
})

test('keys that objects have by themselves are unknown elements, not more', () => {
  const text =
    '{"resourceType":"Patient","__proto__":{"gender":"male"},"constructor":1,"toString":2,"hasOwnProperty":3}'
  assert.equal(errorsOf(JSON.parse(text)).length, 4)
})

test('the invariants and patterns of one validation take no more steps together than it may, and that is said', () => {
  const constraint = Array.from({ length: 20 }, (_, index) => ({
    key: `many-${index}`,
    severity: 'error',
    human: 'All names.',
    expression: 'name.select(%resource.name).count() >= 0',
  }))
  const pattern = { url: 'http://hl7.org/fhir/StructureDefinition/regex', valueString: '(a|b|ab)*c?' }
  const definition = profile('many', 'Patient', [
    { path: 'Patient', constraint },
    { path: 'Patient.name.family', extension: [pattern] },
  ])
  const validator = createValidator({ definitions: definitionsWith([definition]) })
  const name = Array.from({ length: 50 }, () => ({ family: 'ab'.repeat(50) }))
  const costly = (steps?: number): string[] =>
    validator
      .validate(
        { resourceType: 'Patient', name },
        { profiles: [String(definition.url)], ...(steps === undefined ? {} : { steps }) },
      )
      .issues.filter(({ code }) => code === 'too-costly')
      .map(({ text }) => text)
  assert.deepEqual(costly(), [])
  assert.deepEqual(costly(1_000_000), [])
  const texts = costly(20_000)
  assert.equal(texts.filter((text) => text === 'No further invariants were evaluated.').length, 1)
  assert.ok(costly(500).includes('The pattern of the definition takes too much work on this text.'))
})

test('invariants that are given up while something is only tried are said to be', () => {
  const target = profile('costly-target', 'Patient', [
    {
      path: 'Patient',
      constraint: [
        { key: 'big-1', severity: 'error', human: 'x', expression: 'name.select(%resource.name).count() >= 0' },
      ],
    },
  ])
  const asking = profile('asking', 'Basic', [
    {
      path: 'Basic',
      constraint: [
        { key: 'ask-1', severity: 'warning', human: 'x', expression: `contained.conformsTo('${target.url}') or true` },
        { key: 'ask-2', severity: 'error', human: 'x', expression: 'language.exists()' },
      ],
    },
  ])
  const name = Array.from({ length: 50 }, () => ({ family: 'a' }))
  const { issues } = createValidator({ definitions: definitionsWith([target, asking]) }).validate(
    { resourceType: 'Basic', code: { text: 'x' }, contained: [{ resourceType: 'Patient', id: 'a', name }] },
    { profiles: [String(asking.url)], steps: 2_000 },
  )
  assert.ok(issues.some(({ code, severity }) => code === 'too-costly' && severity === 'error'))
})

test('findings end with a last one that says that there are more', () => {
  const name = Array.from({ length: 5_000 }, () => ({ use: 5 }))
  const errors = errorsOf({ resourceType: 'Patient', name })
  assert.equal(errors.length, 501)
  assert.match(errors.at(-1) ?? '', /More than 500 findings/)
})

test('an invariant that costs too much is stopped and said', () => {
  const bomb = profile('bomb', 'Patient', [
    {
      path: 'Patient',
      constraint: [
        {
          key: 'bomb-1',
          severity: 'error',
          human: 'x',
          expression: 'identifier.select(%resource.identifier.select(%resource.identifier.value)).count() > 0',
        },
      ],
    },
  ])
  const identifier = Array.from({ length: 500 }, (_, n) => ({ value: `${n}` }))
  assert.deepEqual(errorsOf({ resourceType: 'Patient', identifier }, [bomb]), [
    'Patient: bomb-1 took more work than one invariant may.',
  ])
})

test('after three invariants that cost too much no more are evaluated', () => {
  const bomb = profile('bombs', 'Patient', [
    {
      path: 'Patient.identifier',
      constraint: [
        {
          key: 'bomb-2',
          severity: 'error',
          human: 'x',
          expression:
            '%resource.identifier.select(%resource.identifier.select(%resource.identifier.value)).count() > 0',
        },
      ],
    },
  ])
  const identifier = Array.from({ length: 500 }, (_, n) => ({ value: `${n}` }))
  const errors = errorsOf({ resourceType: 'Patient', identifier }, [bomb])
  assert.equal(errors.length, 4)
  assert.match(errors.at(-1) ?? '', /No further invariants were evaluated/)
})

test('an invariant that is no FHIRPath is an error, and others are still checked', () => {
  const broken = profile('broken', 'Patient', [
    {
      path: 'Patient',
      constraint: [
        { key: 'b-1', severity: 'error', human: 'x', expression: 'name.where(' },
        { key: 'b-2', severity: 'error', human: 'a name', expression: 'name.exists()' },
      ],
    },
  ])
  assert.deepEqual(errorsOf({ resourceType: 'Patient' }, [broken]), [
    'Patient: b-1 could not be evaluated: FHIRPath syntax error at position 11: expected an expression',
    'Patient: b-2: a name',
  ])
})

test('a pattern that keeps other engines busy for ever is answered', () => {
  const regex = { url: 'http://hl7.org/fhir/StructureDefinition/regex', valueString: '(a+)+b' }
  const own = profile('regex', 'Patient', [{ path: 'Patient.name.family', extension: [regex] }])
  const family = 'a'.repeat(50_000)
  const [error] = errorsOf({ resourceType: 'Patient', name: [{ family }] }, [own])
  assert.match(error ?? '', /^Patient.name\[0\].family: (?:The text does not fit|The pattern .* too much work)/)
  assert.deepEqual(errorsOf({ resourceType: 'Patient', name: [{ family: 'aab' }] }, [own]), [])
})

test('a Bundle of 10,000 entries that refer to each other is checked in one go', () => {
  const entry = Array.from({ length: 10_000 }, (_, n) => ({
    fullUrl: `http://x.test/Basic/b${n}`,
    resource: {
      resourceType: 'Basic',
      id: `b${n}`,
      code: { text: 'x' },
      subject: { reference: `Basic/b${(n + 1) % 10_000}` },
    },
  }))
  const { issues, keys } = createValidator({ definitions: definitionsWith([]) }).validate(
    { resourceType: 'Bundle', type: 'collection', entry },
    { bestPractice: 'ignore' },
  )
  assert.deepEqual(texts(issues), [])
  assert.ok(keys > 60_000)
})

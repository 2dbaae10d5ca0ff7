import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CompileOptions, compile } from './compile.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { patientExample } from './patient.fixture.ts'
import { r4Subset } from './r4-subset.fixture.ts'
import type { Environment } from './run.ts'

const typed: CompileOptions = { model: r4Subset }
const run = (expression: string, input?: unknown, env?: Environment, options = typed) =>
  compile(expression, options)(input, env)

function refusal(action: () => unknown): FhirPathError {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof FhirPathError)
    return error
  }
  return assert.fail('nothing was refused')
}

const observation = {
  resourceType: 'Observation',
  status: 'final',
  valueQuantity: { value: 6.5, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
  effectiveDateTime: '2026-01-15T10:00:00Z',
  subject: { reference: 'Patient/p1' },
}

test('choice elements are found by their name, with a model and without', () => {
  for (const options of [typed, {}]) {
    assert.deepEqual(run('Observation.value.unit', observation, {}, options), ['mmol/L'])
    assert.deepEqual(run('(Observation.value as Quantity).value', observation, {}, options), [6.5])
    assert.deepEqual(run('value.ofType(string)', observation, {}, options), [])
    assert.deepEqual(run('effective is dateTime', observation, {}, options), [true])
  }
  assert.deepEqual(run('valueQuantity', observation), [], 'the key of JSON is no name of FHIRPath')
  const binding = { valueSet: 'http://example.org', valueable: true }
  assert.deepEqual(run('value', binding, {}, {}), [], 'a longer name is no choice')
})

test('results carry their types', () => {
  const result = compile("name.where(use = 'usual').given | 1.5", typed).typed(patientExample)
  assert.deepEqual(result, [
    { value: 'Jim', type: 'string' },
    { value: 1.5, type: 'System.Decimal' },
  ])
  const birth = compile('birthDate', typed).typed(patientExample)[0]
  assert.equal(birth?.type, 'date')
  assert.deepEqual(birth?.extra, patientExample._birthDate)
})

test('what JavaScript adds to objects is no element', () => {
  for (const name of ['constructor', '`__proto__`', 'toString', 'hasOwnProperty', '`constructor`.name']) {
    for (const options of [typed, {}]) assert.deepEqual(run(name, { ...patientExample }, {}, options), [])
  }
  assert.equal(refusal(() => compile('constructor()')).code, 'semantic')
  assert.equal(refusal(() => run('%constructor', {}, { variables: {} })).code, 'execution')
})

test('extensions of primitives are reached, and a primitive may have nothing else', () => {
  const patient = {
    resourceType: 'Patient',
    name: [{ given: ['Ann', null], _given: [null, { extension: [{ url: 'u', valueCode: 'masked' }] }] }],
    _birthDate: { id: 'b1', extension: [{ url: 'reason', valueString: 'unknown' }] },
  }
  for (const options of [typed, {}]) {
    assert.deepEqual(run("name.given.extension('u').value", patient, {}, options), ['masked'])
    assert.deepEqual(run('name.given.count()', patient, {}, options), [2])
    assert.deepEqual(run('name.given.select(hasValue())', patient, {}, options), [true, false])
    assert.deepEqual(run("birthDate.extension.where(url = 'reason').value", patient, {}, options), ['unknown'])
    assert.deepEqual(run('birthDate.id', patient, {}, options), ['b1'])
    assert.deepEqual(run('birthDate.exists() and birthDate.hasValue().not()', patient, {}, options), [true])
  }
})

test('a reference resolves to its type without a resolver, and to the resource with one', () => {
  assert.deepEqual(run('subject.resolve() is Patient', observation), [true])
  assert.deepEqual(run('subject.where(resolve() is Device)', observation), [])
  assert.deepEqual(run('subject.resolve().id', observation), ['p1'])
  const resolve = (reference: string) => (reference === 'Patient/p1' ? patientExample : undefined)
  assert.deepEqual(run('subject.resolve().name.family', observation, { resolve }), ['Chalmers', 'Windsor'])
  const reference = (text: string) => ({ resourceType: 'Observation', subject: { reference: text } })
  assert.deepEqual(run('subject.resolve() is Patient', reference('http://a.org/fhir/Patient/1/_history/2')), [true])
  assert.deepEqual(run('subject.resolve()', reference('urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0')), [])
  const contained = { ...reference('#c'), contained: [{ resourceType: 'Patient', id: 'c', gender: 'female' }] }
  assert.deepEqual(run('subject.resolve().gender', contained), ['female'])
  assert.deepEqual(run('subject.resolve()', { ...contained, contained: [] }), [])
})

test('the environment is the only source of time, terminology and constants', () => {
  const now = Date.UTC(2026, 1, 28, 23, 59, 1, 5)
  assert.deepEqual(run('now()', undefined, { now }), ['2026-02-28T23:59:01.005Z'])
  assert.deepEqual(run('today() + 1 day', undefined, { now }), ['2026-03-01'])
  assert.deepEqual(run('timeOfDay()', undefined, { now }), ['23:59:01.005'])
  assert.equal(refusal(() => run('now()')).code, 'execution')
  const memberOf = (value: unknown, valueSet: string) => (valueSet === 'vs' ? value === 'male' : undefined)
  assert.deepEqual(run("gender.memberOf('vs')", patientExample, { memberOf }), [true])
  assert.deepEqual(run("gender.memberOf('other')", patientExample, { memberOf }), [])
  assert.deepEqual(run("gender.memberOf('vs')", patientExample), [])
  const variables = { limits: [1, 2.5], who: { given: 'Ann' } }
  assert.deepEqual(run('%limits.count() | %who.given', {}, { variables }), [2, 'Ann'])
  assert.deepEqual(run('%resource.id | %context.id | %rootResource.id', patientExample), ['example'])
  assert.deepEqual(run('%resource.id', {}, { resource: { resourceType: 'Patient', id: 'r' } }), ['r'])
})

test('host functions get and give plain JSON and never replace built-in ones', () => {
  const functions = { shout: (input: unknown[], [by]: unknown[][]) => [`${input[0]}${by?.[0]}`], empty: () => ['no'] }
  assert.deepEqual(run("gender.shout('!')", patientExample, {}, { functions }), ['male!'])
  assert.deepEqual(run('gender.empty()', patientExample, {}, { functions }), [false])
})

test('an expression can be evaluated on an element, given its type', () => {
  const options = { ...typed, type: 'HumanName' }
  assert.deepEqual(run('family.exists() or given.exists()', { given: ['Ann'] }, {}, options), [true])
  assert.deepEqual(compile('use', options).typed({ use: 'official' }), [{ value: 'official', type: 'code' }])
  assert.equal(compile('family.exists()', options).test({}), false)
})

test('variables live as long as their scope', () => {
  assert.deepEqual(run("defineVariable('n', name.count()).select(%n + 1)", patientExample), [4])
  assert.deepEqual(run("name.select(defineVariable('f', family).select(%f & '!'))", patientExample), [
    'Chalmers!',
    '!',
    'Windsor!',
  ])
  assert.equal(refusal(() => run("name.select(defineVariable('f', 1)).select(%f)", patientExample)).code, 'execution')
  assert.equal(refusal(() => run("(defineVariable('a', 1) | 2) | %a", patientExample)).code, 'execution')
  assert.equal(refusal(() => run("defineVariable('a').defineVariable('a')", patientExample)).code, 'execution')
})

test('quantities compare only where their units do', () => {
  assert.deepEqual(run("value > 6 'mmol/L'", observation), [true])
  assert.deepEqual(run("value > 6 'mg/dL'", observation), [])
  assert.deepEqual(run("value = 6.5 'mg/dL'", observation), [])
  const ucum = {
    convert: (value: number, from: string, to: string) => (from === 'g' && to === 'mg' ? value * 1000 : undefined),
  }
  assert.deepEqual(run("500 'mg' < 1 'g'", undefined, {}, { ucum }), [true])
  const capped = { ...observation, valueQuantity: { ...observation.valueQuantity, comparator: '<' } }
  assert.deepEqual(run("value > 6 'mmol/L'", capped), [], 'less than 6.5 is not 6.5')
})

test('durations of the calendar and of UCUM are one up to the week; years and months only by equivalence', () => {
  const cases: [string, unknown[]][] = [
    ['1 week = 7 days and 1 day = 24 hours and 1 year = 12 months', [true]],
    ["1 second = 1 's' and 1 minute < 61 's'", [true]],
    ["1 year = 1 'a'", []],
    ["1 year > 11 'mo'", []],
    ["1 year ~ 1 'a' and 2 'mo' ~ 2 months", [true]],
    ["1 year ~ 1 'mo'", [false]],
    ['1 month > 30 days', []],
  ]
  for (const [expression, expected] of cases) assert.deepEqual(run(expression), expected, expression)
})

test('decimals are exact', () => {
  assert.deepEqual(run('0.1 + 0.2 = 0.3'), [true])
  assert.deepEqual(run('1.1 * 1.1'), [1.21])
  assert.deepEqual(run('1 / 3 * 3 = 1'), [false])
  assert.deepEqual(run('9007199254740991 + 1'), [], 'an overflow is empty')
  assert.deepEqual(run('1 / 0'), [])
  assert.deepEqual(run('(-7) div 2 | (-7) mod 2'), [-3, -1])
})

test('without a model texts that look like dates compare as dates', () => {
  const period = { start: '2012', end: '2012-02' }
  assert.deepEqual(run('start <= end', period, {}, {}), [])
  assert.deepEqual(run('start < @2013', period, {}, {}), [true])
  assert.deepEqual(run('end + 1 month', period, {}, {}), ['2012-03'])
  assert.deepEqual(run("'2012' < '2012-02'"), [true], 'written strings stay strings')
})

test('errors name a position and no data', () => {
  const cases: [string, string, number][] = [
    ["name.family + 'x'", 'execution', 12],
    ['name.single()', 'execution', 5],
    ["nope('Chalmers')", 'semantic', 0],
    ['name.where()', 'semantic', 5],
    ['name.ofType(1 + 1)', 'semantic', 14],
    ['gender is code1', 'semantic', 7],
    ['gender > 1', 'execution', 7],
    ['@2015-02-30', 'semantic', 0],
    ['name.given[gender]', 'execution', 10],
  ]
  for (const [expression, code, position] of cases) {
    const error = refusal(() => run(expression, patientExample))
    assert.deepEqual([error.code, error.position], [code, position], expression)
    assert.ok(!/Chalmers|Peter|male/.test(error.message))
  }
})

test('an evaluation that works too much ends with a limit', () => {
  const list = Array.from({ length: 3_000 }, (_, i) => ({ url: `u${i}`, valueInteger: i }))
  const patient = { resourceType: 'Patient', extension: list }
  const limit = (expression: string, env?: Environment) =>
    assert.equal(refusal(() => run(expression, patient, env)).code, 'limit')
  limit('extension.where(%resource.extension.where(value = 3).exists())')
  limit("'a'.repeat($this & 'x')")
  limit('descendants()', { steps: 100 })
  limit(`extension.url.join('').${"replace('u', 'uuuuuuuuuuuuuuuuuuuu').".repeat(12)}length()`)
  assert.deepEqual(run('extension.value.distinct().count()', patient), [3_000], 'honest work stays far below')
})

test('the input is never changed', () => {
  const before = JSON.stringify(patientExample)
  run('(name | name.given | descendants()).distinct().children().count()', patientExample)
  assert.equal(JSON.stringify(patientExample), before)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from './compile.ts'
import { FhirPathError } from './fhirpath-error.ts'
import type { UnitConverter } from './quantity.ts'
import { r4Subset } from './r4-subset.fixture.ts'

/** 20,000 small elements, a text of a million characters, and another. */
const patient = {
  resourceType: 'Patient',
  extension: Array.from({ length: 20_000 }, (_, i) => ({ url: `u${i % 7}`, valueInteger: i })),
  name: [{ family: 'a'.repeat(1_000_000), given: ['b'.repeat(500_000)] }],
}

/** Ten thousand levels of JSON. */
const deep: Record<string, unknown> = {}
for (let at = deep, i = 0; i < 10_000; i++) at = at['a'] = {} as Record<string, unknown>

/** An Observation with elements that do not exist, and one with quantities of units nobody has seen. */
const junk: Record<string, unknown> = { resourceType: 'Observation' }
for (let i = 0; i < 100_000; i++) junk[`junk${i}`] = i
junk['component'] = Array.from({ length: 3_000 }, (_, i) => ({ code: { text: `c${i}` }, valueString: 'x' }))
const quantities = {
  resourceType: 'Observation',
  component: Array.from({ length: 3_000 }, (_, i) => ({ valueQuantity: { value: i, code: `u${i}`, unit: `u${i}` } })),
}

const ucum: UnitConverter = { convert: () => undefined }
const variables = { many: patient.extension }

function outcome(expression: string, input: unknown): string {
  try {
    const compiled = compile(expression, { model: r4Subset, ucum })
    return String(compiled(input, { now: 0, variables, trace: () => undefined }).length)
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    return error.code
  }
}

const LONG = "defineVariable('a', name.family & 'x').defineVariable('b', name.family & 'x').extension"
const MANY = "defineVariable('e', extension).extension"

/** What would take minutes or gigabytes, by what it abuses. Each has to end with a limit, in about a second. */
const BOMBS: Record<string, readonly (readonly [expression: string, input: unknown])[]> = {
  'values without end': [
    ['1.repeat($this + 1)', patient],
    ["'a'.repeat($this & 'x')", patient],
    ['repeatAll($this)', patient],
    ['extension.repeatAll($this | $this.combine($this))', patient],
  ],
  'collections that double': [
    ['extension.aggregate($total.combine($total), 1)', patient],
    ['extension.aggregate($total | $total.select($this + 1), 1)', patient],
    [`extension${'.select($this.combine($this))'.repeat(300)}`, patient],
    ['extension.select(%many)', patient],
  ],
  'texts that double': [
    ["extension.aggregate($total & $total, 'x')", patient],
    ["extension.aggregate($total + $total, 'x')", patient],
    ["'a'.repeat($this & $this)", patient],
    ["name.family.replace('a', %resource.name.given)", patient],
    ["name.family.replace('', 'xxxx').replace('', 'yyyy').replace('', 'zzzz')", patient],
    ["name.family.replaceMatches('a', %resource.name.given)", patient],
    ["name.family.replaceMatches('(a)', '$1$1$1$1')", patient],
    ["name.family.encode('hex').encode('hex')", patient],
    ["name.family.split('').count()", patient],
  ],
  'cross products': [
    ['extension.where(%resource.extension.exists(value = -1))', patient],
    ['extension.select(%resource.extension.select(%resource.extension))', patient],
    ['descendants().select(descendants().count())', deep],
    ['descendants().descendants().descendants().count()', deep],
    ['component.where(%resource.component.where(value = 5.1).exists())', quantities],
    ['component.value.distinct()', quantities],
  ],
  'large collections over and over': [
    [`${MANY}.select(%e.tail().first())`, patient],
    [`${MANY}.select(%e.take(10000).first())`, patient],
    [`${MANY}.select(%e.ofType(Extension).first())`, patient],
    [`${MANY}.select((%e as Extension).first())`, patient],
    [`${MANY}.select(%e.type().first())`, patient],
    [`${MANY}.select(%e.trace('x').first())`, patient],
    [`${MANY}.select(%e.children().first())`, patient],
    [`${MANY}.select(%e = %e.skip(0).combine({}))`, patient],
    [`${MANY}.select(%e.select(true).allTrue())`, patient],
  ],
  'long texts over and over': [
    [`${LONG}.where(%a = %b)`, patient],
    [`${LONG}.where(%a ~ %b)`, patient],
    [`${LONG}.where(%a < %b)`, patient],
    [`${LONG}.where(%a in ('c' | %b))`, patient],
    [`${LONG}.where((%a | 'c').isDistinct())`, patient],
    [`${LONG}.where(%a.toQuantity() = 1)`, patient],
    [`${LONG}.where(%a.upper() = 'A')`, patient],
    [`${LONG}.where(%a.contains(%b.substring(0, 500000) & 'c' & %b.substring(500000)))`, patient],
  ],
  'patterns that backtrack': [
    ["name.family.matches('(a|aa)+$b')", patient],
    ["name.family.matches('(a*)*b')", patient],
    ["name.family.matches('a*a*a*a*a*a*b')", patient],
    ["name.family.matches('(.*a){25}b')", patient],
    ["extension.select(%resource.name.family.matches('a*b'))", patient],
  ],
  'elements that are large or deep': [
    ['a = %context.a.a', deep],
    ['a ~ %context.a.a', deep],
    ['repeat(a).count()', deep],
    ['component.where(%resource ~ $this)', junk],
    ['component.select(%resource.children().first())', junk],
  ],
}

for (const [abuse, bombs] of Object.entries(BOMBS)) {
  test(`${abuse} end with a limit`, () => {
    for (const [expression, input] of bombs) assert.equal(outcome(expression, input), 'limit', expression)
  })
}

test('evaluations that share a budget end when it is spent, nested ones and all later ones', () => {
  const budget = { left: 50_000 }
  const count = compile('extension.where(value >= 0).count()', { model: r4Subset })
  const isLimit = (error: unknown): boolean => error instanceof FhirPathError && error.code === 'limit'
  const env = { budget, resolve: () => count(patient, { budget }) }
  const times = (): number => {
    for (let done = 0; done < 100; done++) {
      try {
        count(patient, env)
      } catch (error) {
        assert.ok(isLimit(error))
        return done
      }
    }
    return 100
  }
  assert.ok(times() < 5)
  assert.equal(times(), 0)
  assert.throws(
    () => compile("'Patient/1'.resolve()", { model: r4Subset })(patient, { ...env, budget: { left: 20 } }),
    isLimit,
  )
  assert.deepEqual(count(patient), [20_000])
})

test('huge numbers and amounts are empty, not slow', () => {
  for (const expression of [
    '10.power(400)',
    'extension.aggregate($total * 99999999999999999999.99999999, 1.5)',
    '@2020 + 99999999999999999999 years',
    '@2020-01-01 + 99999999999999999999 days',
    "extension.aggregate($total * 2 'm', 1 'm')",
  ]) {
    assert.equal(outcome(expression, patient), '0', expression)
  }
  assert.equal(outcome('1.5.round(1000000000)', patient), '1')
})

test('honest work on a large resource stays below the limit', () => {
  for (const expression of [
    "extension.where(url = 'u3' and value > 100).value.distinct().count()",
    'extension.sort(url, -value).first().value',
    'extension.intersect(extension).count()',
    'descendants().count()',
    "name.family.matches('^[ab]+$')",
    "name.family.contains('b')",
  ]) {
    assert.equal(outcome(expression, patient), '1', expression)
  }
})

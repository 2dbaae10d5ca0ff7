import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type CompiledExpression, compile, type TypedValue } from './compile.ts'
import { elements, fhirJson, readXml, textOf, type XmlElement } from './corpus.fixture.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { applyFhirPathPatch } from './patch.ts'
import { FhirPathPatchError } from './patch-error.ts'
import { patientExample } from './patient.fixture.ts'
import type { UnitConverter } from './quantity.ts'
import { r4Subset } from './r4-subset.fixture.ts'

/** The test corpora stand beside the repository and are never part of it. */
const CORPORA = fileURLToPath(new URL('../../../../shared/corpora/', import.meta.url))
const FHIRPATH_SUITE = `${CORPORA}fhir-test-cases/r4/fhirpath/tests-fhir-r4.xml`
const PATCH_SUITE = `${CORPORA}fhir-test-cases/r4/patch/fhir-patch-tests.xml`

/** Tests of the FHIRPath suite that pass; may only rise. */
const PASSED_MIN = 880

/** Tests that fail on purpose, each with its reason. */
const EXCEPTIONS: Record<string, string> = {
  testDollarOrderNotAllowed: 'children() keeps the order of the JSON, so skip() on it has an answer',
  testPlusDate19: 'seconds and milliseconds are one precision, so a tenth of a second counts',
  testConformsTo3: 'the host does not know the profile, and what is not known is empty',
  LowBoundaryDecimal15: 'expects -0.0 as the lower bound of -0.0034 at one digit, which is above the value',
  HighBoundaryDecimal15: 'expects 0.0 as the upper bound of 0.0034 at one digit, which is below the value',
  HighBoundaryDecimal16: 'as HighBoundaryDecimal15',
  HighBoundaryDateTimeMillisecond1: 'expects the first minute of the hour as its end',
  HighBoundaryDateTimeMillisecond3: 'as HighBoundaryDateTimeMillisecond1',
  testPolymorphicsB: 'the suite marks the expression invalid and yet names its result, which is ours',
  testFHIRPathAsFunction21: 'as() filters a list, because R4 search parameters apply it to lists',
  testFHIRPathIsFunction8: 'the observation among the corpora lacks the extension',
  testFHIRPathIsFunction9: 'as testFHIRPathIsFunction8',
  testFHIRPathIsFunction10: 'as testFHIRPathIsFunction8',
}
const isException = (name: string) => Object.hasOwn(EXCEPTIONS, name) || /^testSort\d+$/.test(name)

/** The units the suite converts, to a base unit and a factor. */
const FACTORS: Record<string, [string, number]> = {
  g: ['g', 1],
  mg: ['g', 0.001],
  kg: ['g', 1000],
  '[lb_av]': ['g', 453.59237],
  m: ['m', 1],
  cm: ['m', 0.01],
  '[in_i]': ['m', 0.0254],
  m2: ['m2', 1],
  'cm.m': ['m2', 0.01],
}
const ucum: UnitConverter = {
  convert(value, from, to) {
    const [base, factor] = FACTORS[from] ?? []
    const [otherBase, otherFactor] = FACTORS[to] ?? []
    if (base === undefined || base !== otherBase) return undefined
    return (value * (factor as number)) / (otherFactor as number)
  },
}

test('the FHIRPath suite of FHIR R4 passes as far as its inputs are present', (t) => {
  if (!existsSync(FHIRPATH_SUITE)) return t.diagnostic('skipped: corpora absent')
  const failed: string[] = []
  let passed = 0
  let withoutInput = 0
  for (const group of elements(readXml(readFileSync(FHIRPATH_SUITE, 'utf8')), 'group')) {
    for (const each of elements(group, 'test')) {
      const input = inputOf(each.attributes.inputfile)
      if (input === undefined) withoutInput += 1
      else if (passes(each, input)) passed += 1
      else if (!isException(each.attributes.name ?? '')) failed.push(each.attributes.name ?? '')
    }
  }
  t.diagnostic(`${passed} passed, ${withoutInput} skipped: input absent`)
  assert.deepEqual(failed, [])
  assert.ok(passed >= PASSED_MIN, `${passed} passed, at least ${PASSED_MIN} expected`)
})

function inputOf(file: string | undefined): unknown {
  if (file === undefined || file === 'patient-example.xml') return patientExample
  const json = `${CORPORA}hl7-r4-examples/${file.replace(/\.xml$/, '.json')}`
  return existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : undefined
}

const conformsTo = (_value: unknown, profile: string) =>
  /\/(Patient|Person)$/.test(profile) ? profile.endsWith('Patient') : undefined

function passes(each: XmlElement, input: unknown): boolean {
  const source = elements(each, 'expression')[0] as XmlElement
  const { invalid } = source.attributes
  try {
    const compiled = compile(textOf(source), { model: r4Subset, ucum })
    const result = resultOf(compiled, input, each.attributes.predicate === 'true')
    // The library is lenient about names: what a strict reader refuses is empty here.
    return invalid === undefined ? agrees(result, elements(each, 'output')) : result.length === 0
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    return invalid !== undefined
  }
}

function resultOf(compiled: CompiledExpression, input: unknown, predicate: boolean): TypedValue[] {
  const result = compiled.typed(input, { now: Date.UTC(2026, 0, 15, 12, 30), conformsTo })
  return predicate ? [{ value: result.length > 0, type: 'System.Boolean' }] : result
}

function agrees(result: TypedValue[], outputs: XmlElement[]): boolean {
  return result.length === outputs.length && outputs.every((output, i) => sameValue(result[i]?.value, textOf(output)))
}

function sameValue(value: unknown, output: string): boolean {
  const wanted = output.replace(/^@T?/, '')
  if (typeof value === 'number') return value === Number(wanted)
  if (typeof value !== 'object' || value === null) return String(value) === wanted
  const { value: amount, unit } = value as { value?: number; unit?: string }
  const [wantedAmount, wantedUnit] = wanted.split(' ')
  return amount === Number(wantedAmount) && `'${unit}'` === wantedUnit
}

test('the FHIRPath Patch suite of FHIR R4 passes', (t) => {
  if (!existsSync(PATCH_SUITE)) return t.diagnostic('skipped: corpora absent')
  const failed: string[] = []
  const cases = elements(readXml(readFileSync(PATCH_SUITE, 'utf8')), 'case')
  for (const each of cases) if (!patchPasses(each)) failed.push(each.attributes.name ?? '')
  t.diagnostic(`${cases.length - failed.length} of ${cases.length} passed`)
  assert.deepEqual(failed, [])
})

function patchPasses(each: XmlElement): boolean {
  const [input, diff, output] = ['input', 'diff', 'output'].map((name) => {
    const holder = elements(each, name)[0]
    const element = holder && elements(holder)[0]
    return element && fhirJson(element)
  })
  const before = JSON.stringify(input)
  try {
    const result = applyFhirPathPatch(input as object, diff, { model: r4Subset })
    assert.equal(JSON.stringify(input), before, 'the input is not changed')
    return output !== undefined && comparable(result) === comparable(output)
  } catch (error) {
    if (!(error instanceof FhirPathPatchError)) throw error
    return elements(each, 'error').length > 0
  }
}

/** JSON with sorted keys; runs of white space, in the narrative too, count as one blank. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (_key, member) => {
    if (typeof member === 'string') return member.replace(/\s+/g, ' ').trim()
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

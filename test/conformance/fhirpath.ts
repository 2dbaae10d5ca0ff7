import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fhirPathModel } from '@salus/fhir-model'
import { type CompileOptions, compile, FhirPathError, type TypedValue } from '@salus/fhirpath'
import { elements, readXml, textOf, type XmlElement } from '../../libs/fhirpath/src/corpus.fixture.ts'
import { type Case, failed, type LibrarySuite, passed } from './suite.ts'
import { ucumConverter } from './ucum-converter.ts'

const FILE = 'fhir-test-cases/r4/fhirpath/tests-fhir-r4.xml'

/** The R4 suite of the FHIRPath specification, case by case. */
export const fhirPath: LibrarySuite = {
  name: 'fhirpath',
  proves:
    'Each test of the R4 suite of FHIRPath gives the values and types it names, or is refused where it says so. The resources it reads are the examples of the FHIR R4 specification (CC0), in `test/conformance/fhirpath-inputs`.',
  folders: ['fhir-test-cases/r4/fhirpath'],
  *runLibrary(corpora) {
    const options: CompileOptions = { model: fhirPathModel, ucum: ucumConverter() }
    const suite = readXml(readFileSync(join(corpora, FILE), 'utf8'))
    for (const group of elements(suite, 'group'))
      for (const test of elements(group, 'test')) yield outcomeOf(test, options)
  },
}

/** A test is run as types allow it, and where it has an answer also as types do not matter, as most callers do. */
function outcomeOf(test: XmlElement, options: CompileOptions): Case {
  const { name = '', inputfile } = test.attributes
  const input = inputOf(inputfile)
  const { invalid } = (elements(test, 'expression')[0] as XmlElement).attributes
  const strict = { ...options, strict: true, type: typeOf(input) }
  const reason =
    invalid === undefined
      ? (wrong(test, input, strict) ?? wrong(test, input, options))
      : notRefused(test, input, strict)
  return reason === undefined ? passed(name) : failed(name, reason)
}

function answer(test: XmlElement, input: unknown, options: CompileOptions): TypedValue[] {
  const compiled = compile(textOf(elements(test, 'expression')[0] as XmlElement), options)
  return compiled.typed(input, { now: NOW, conformsTo })
}

function wrong(test: XmlElement, input: unknown, options: CompileOptions): string | undefined {
  try {
    const result = answer(test, input, options)
    const predicate = test.attributes.predicate === 'true'
    const asked = predicate ? [{ value: result.length > 0, type: 'System.Boolean' }] : result
    return agrees(asked, elements(test, 'output')) ? undefined : `answered [${shown(asked)}]`
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    return error.message
  }
}

/** The suite tells apart when an error is found; here it counts that it is, and that what is no FHIRPath is said so. */
function notRefused(test: XmlElement, input: unknown, options: CompileOptions): string | undefined {
  const { invalid } = (elements(test, 'expression')[0] as XmlElement).attributes
  try {
    return `answered [${shown(answer(test, input, options))}] and should be refused: ${invalid}`
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error
    return invalid !== 'syntax' || error.code === 'syntax' ? undefined : error.message
  }
}

const NOW = Date.UTC(2026, 0, 15, 12, 30)

/** What a validator would say of the profiles the suite names. Of any other it cannot say. */
const conformsTo = (_value: unknown, profile: string): boolean | undefined =>
  /\/(Patient|Person)$/.test(profile) ? profile.endsWith('Patient') : undefined

const inputs = new Map<string, unknown>()

/** Inputs are named `.xml` or `.json`; a test without one is given the patient. */
function inputOf(file = 'patient-example.xml'): unknown {
  const name = file.replace(/\.\w+$/, '')
  if (!inputs.has(name)) {
    const path = join(import.meta.dirname, 'fhirpath-inputs', `${name}.json`)
    inputs.set(name, JSON.parse(readFileSync(path, 'utf8')))
  }
  return inputs.get(name)
}

const typeOf = (input: unknown): string => (input as { resourceType: string }).resourceType

function agrees(result: readonly TypedValue[], outputs: readonly XmlElement[]): boolean {
  return (
    result.length === outputs.length &&
    outputs.every((output, i) => {
      const item = result[i] as TypedValue
      return sameType(item.type, output.attributes.type) && sameValue(item.value, textOf(output))
    })
  )
}

/** The suite writes `integer` for System.Integer and for any FHIR type that is an integer. */
function sameType(type: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true
  const bare = type.replace('System.', '').toLowerCase()
  return bare === wanted.toLowerCase() || fhirPathModel.isSubtype(wanted, type)
}

function sameValue(value: unknown, output: string): boolean {
  const wanted = output.replace(/^@T?/, '')
  if (typeof value === 'number') return wanted !== '' && value === Number(wanted)
  if (typeof value !== 'object' || value === null) return String(value) === wanted
  const { value: amount, unit } = value as { value?: number; unit?: string }
  const [wantedAmount, wantedUnit] = wanted.split(' ')
  return amount === Number(wantedAmount) && `'${unit}'` === wantedUnit
}

function shown(result: readonly TypedValue[]): string {
  return result
    .map(({ value, type }) => `${type} ${JSON.stringify(value)}`)
    .join(', ')
    .slice(0, 120)
}

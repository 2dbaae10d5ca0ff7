import {
  extractSearchValues,
  fhirPathModel,
  patientReferences,
  RESOURCE_TYPES,
  searchParameters,
  typeName,
  validateResource,
} from '@salus/fhir-model'
import { applyFhirPathPatch, FhirPathPatchError } from '@salus/fhirpath'
import { parseSearch } from '../../server/src/record/fhir/search/index.ts'
import type { Json } from '../fixtures/server.ts'
import type { Chance } from './chance.ts'
import { EXPRESSIONS, expressionOf, fhirPathTargets } from './fhirpath-targets.ts'
import { AWKWARD, mutated } from './mutate.ts'
import { SAMPLES } from './samples.ts'
import { filterOf, pathOf } from './search-grammar.ts'
import type { Target } from './target.ts'
import { validatorTargets } from './validator-targets.ts'

/** Answers name at most this many faults, whatever the input; the last says that there are more. */
const ISSUES_MAX = 101

const clock = { now: () => 1_717_200_000_000, monotonic: () => 0 }

export const libraryTargets: readonly Target[] = [
  { name: 'search text', run: (chance) => readSearch(searchOf(chance)) },
  { name: 'search grammar', run: (chance) => readSearch(grammarOf(chance)) },
  ...fhirPathTargets,
  { name: 'FHIRPath patch', run: patch },
  { name: 'validation and indexing', run: validate },
  ...validatorTargets(),
]

const MODIFIERS = [
  '',
  '',
  '',
  ':exact',
  ':not',
  ':missing',
  ':identifier',
  ':contains',
  ':text',
  ':in',
  ':not-in',
  ':above',
  ':below',
  ':of-type',
  ':Patient',
  ':nothing',
  ':',
  '::',
  '.name',
  ':Patient.name',
  '.name.family',
]
const PREFIXES = ['', '', 'eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sa', 'eb', 'ap', 'xx']
const VALUES = [
  '2024-02-29',
  '2024',
  '2024-02-29T23:59:60Z',
  '5.40',
  '1e3',
  '5|http://unitsofmeasure.org|mg',
  '5||mg',
  'urn:oid:1|x',
  '|x',
  'x|',
  'Patient/1',
  'true',
  'false',
  'a$b',
  '$',
  ...AWKWARD,
]
const CONTROLS = [
  '_sort',
  '_count',
  '_include',
  '_revinclude',
  '_include:iterate',
  '_total',
  '_summary',
  '_elements',
  '_format',
  '_pretty',
  '_type',
  '_page',
  '_has:Observation:patient:code',
  '_filter',
  '_text',
  '_content',
  '_contained',
  '_list',
  '_query',
  '_graph',
  'near',
  '_include:recurse',
  '_revinclude:iterate',
  '_at',
]
const CONTROL_VALUES = [
  '-_lastUpdated',
  'family,-birthdate',
  '0',
  '1',
  '1001',
  '-1',
  '*',
  'Observation:subject',
  'Observation:subject:Patient',
  'Patient:*',
  'none',
  'accurate',
  'count',
  'data',
  'true',
  'json',
  ...AWKWARD,
]

export interface Search {
  type: string
  parameters: [string, string][]
}

export function searchOf(chance: Chance): Search {
  const type = chance.pick(chance.once(3) ? RESOURCE_TYPES : ['Patient', 'Observation', 'Encounter', 'RiskAssessment'])
  const codes = [...searchParameters(type).keys()]
  const parameters = Array.from({ length: chance.below(5) }, (): [string, string] => {
    if (chance.once(3)) return [chance.pick(CONTROLS), chance.pick(CONTROL_VALUES)]
    const code = chance.once(12) ? chance.pick(AWKWARD) : chance.pick(codes)
    const values = Array.from(
      { length: chance.once(20) ? 600 : chance.below(3) + 1 },
      () => chance.pick(PREFIXES) + chance.pick(VALUES),
    )
    return [code + chance.pick(MODIFIERS), values.join(',')]
  })
  return { type, parameters }
}

/** Chains, `_has` and `_filter`, which `searchOf` hardly ever makes. */
export function grammarOf(chance: Chance): Search {
  const type = chance.pick(['Patient', 'Observation', 'Encounter', 'Organization'])
  const parameters = Array.from({ length: chance.below(3) + 1 }, (): [string, string] =>
    chance.once(2)
      ? ['_filter', filterOf(chance)]
      : [pathOf(chance) + chance.pick(MODIFIERS), chance.pick(PREFIXES) + chance.pick(VALUES)],
  )
  return { type, parameters }
}

function readSearch({ type, parameters }: Search): void {
  for (const lenient of [false, true]) {
    const read = parseSearch({ types: [type], parameters, lenient, base: 'http://localhost/fhir/R4', clock })
    if (!read.ok && read.fault.category === 'bug') throw new Error(`a bug: ${read.fault.code}`)
  }
}

const PATHS = [
  'Patient',
  'Patient.name',
  'Patient.name[0].given',
  "Patient.name.where(family = 'Muster')",
  'Patient.birthDate',
  'Patient.extension',
  'Patient.contained[0].name',
  'Patient.meta',
  'Patient.nothing',
  'Patient.name[9]',
  '',
  ...EXPRESSIONS,
]

/** Operations of a FHIRPath Patch; `apply` them over HTTP, too. */
export function patchParameters(chance: Chance): Json {
  const parameter = Array.from({ length: chance.below(3) + 1 }, () => {
    const part: Json[] = [
      { name: 'type', valueCode: chance.pick(['add', 'insert', 'delete', 'replace', 'move', 'x']) },
      { name: 'path', valueString: chance.once(4) ? expressionOf(chance) : chance.pick(PATHS) },
      { name: 'name', valueString: chance.pick(['given', 'birthDate', 'extension', 'deceased', ...AWKWARD]) },
      { name: 'value', valueString: chance.pick(AWKWARD) },
      { name: 'index', valueInteger: chance.pick([0, 1, -1, 99, 2 ** 31]) },
      { name: 'source', valueInteger: chance.below(3) },
      { name: 'destination', valueInteger: chance.below(3) },
    ]
    return { name: 'operation', part: part.filter((_, index) => index < 2 || chance.once(2)) }
  })
  const parameters = { resourceType: 'Parameters', parameter }
  return chance.once(3) ? mutated(chance, parameters) : parameters
}

function patch(chance: Chance): void {
  const resource = SAMPLES[0]
  const before = JSON.stringify(resource)
  try {
    applyFhirPathPatch(resource, patchParameters(chance), { model: fhirPathModel })
  } catch (error) {
    if (!(error instanceof FhirPathPatchError)) throw error
  }
  if (JSON.stringify(resource) !== before) throw new Error('a patch changed its input')
}

function validate(chance: Chance): void {
  const resource = mutated(
    chance,
    chance.once(10)
      ? { ...chance.pick(SAMPLES), resourceType: typeName(chance.below(RESOURCE_TYPES.length) + 1) }
      : chance.pick(SAMPLES),
  )
  const { issues } = validateResource(resource)
  if (issues.length > ISSUES_MAX) throw new Error(`${issues.length} issues`)
  // Only what is valid is indexed.
  if (issues.length > 0) return
  extractSearchValues(resource)
  patientReferences(resource)
}

import type { Chance } from './chance.ts'
import { AWKWARD } from './mutate.ts'

/** References of Patient, Observation and Encounter, and what is no reference. */
const REFERENCES = [
  'subject',
  'patient',
  'organization',
  'general-practitioner',
  'performer',
  'encounter',
  'partof',
  'link',
  'name',
  'x',
]
const TYPES = ['Patient', 'Observation', 'Encounter', 'Organization', 'Practitioner', 'Group', 'List', 'Nothing', '']
const LEAVES = [
  'name',
  'family',
  'gender',
  'birthdate',
  'code',
  'status',
  'value-quantity',
  'date',
  '_id',
  '_lastUpdated',
  'identifier',
  'near',
  '_text',
]
const OPERATORS = [
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  're',
  'xx',
  '',
]
const OPERANDS = [
  'male',
  '"a b"',
  '"\\u00fc"',
  '2024-02',
  '5.4',
  '5.4|http://unitsofmeasure.org|mg',
  'http://loinc.org|1',
  'Patient/1',
  'true',
  'false',
  '"',
  'http://hl7.org/fhir/ValueSet/administrative-gender',
]

/** The name of a parameter: a chain, its reverse, one in the other. */
export function pathOf(chance: Chance, depth = 0): string {
  if (depth > 8 || chance.once(2)) return chance.pick(LEAVES)
  const reference = chance.pick(REFERENCES)
  if (chance.once(3)) return `_has:${chance.pick(TYPES)}:${reference}:${pathOf(chance, depth + 1)}`
  return `${reference}${chance.once(2) ? `:${chance.pick(TYPES)}` : ''}.${pathOf(chance, depth + 1)}`
}

/** The value of `_filter`, well formed or nearly. */
export function filterOf(chance: Chance, depth = 0): string {
  if (chance.once(40)) return chance.pick(AWKWARD)
  if (chance.once(100)) return chance.pick(['(', 'not (', 'name[', '"\\']).repeat(chance.below(2_000))
  if (depth > 6 || chance.once(2)) {
    const path = chance.once(6)
      ? `${chance.pick(REFERENCES)}[${filterOf(chance, depth + 2)}].${pathOf(chance)}`
      : pathOf(chance)
    return `${path} ${chance.pick(OPERATORS)} ${chance.pick(OPERANDS)}`
  }
  const left = filterOf(chance, depth + 1)
  if (chance.once(4)) return `not (${left})`
  if (chance.once(4)) return `(${left})`
  return `${left} ${chance.pick(['and', 'or', 'and', 'or', 'xor'])} ${filterOf(chance, depth + 1)}`
}

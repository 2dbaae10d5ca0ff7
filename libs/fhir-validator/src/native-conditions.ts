import type { Json } from './definition-source.ts'

/** True or false as the invariant is met; undefined where the general evaluation must say. */
export type NativeCondition = (value: Json) => boolean | undefined

const ABSENT = "extension.where(url='http://hl7.org/fhir/StructureDefinition/data-absent-reason').exists()"

/** us-core-6 as US Core 3 to 7 wrote it. */
const NAME_OR_REASON = [
  `(family.exists() or given.exists()) xor ${ABSENT}`,
  `(${ABSENT} and family.empty() and given.empty()) or (${ABSENT}.not() and (family.exists() or given.exists()))`,
]

/**
 * Frequent invariants of data types, by their expression as R4 and US Core publish it: a closure of some nanoseconds in
 * place of an evaluation of some microseconds.
 */
export function nativeCondition(expression: string): NativeCondition | null {
  return CONDITIONS.get(expression) ?? null
}

const has = (value: Json, name: string): boolean => value[name] !== undefined || value[`_${name}`] !== undefined

const CONDITIONS: ReadonlyMap<string, NativeCondition> = new Map<string, NativeCondition>([
  ['value.empty() or system.exists()', (value) => !has(value, 'value') || has(value, 'system')],
  ['code.empty() or system.exists()', (value) => !has(value, 'code') || has(value, 'system')],
  ['data.empty() or contentType.exists()', (value) => !has(value, 'data') || has(value, 'contentType')],
  [
    'name.exists() or telecom.exists() or address.exists() or organization.exists()',
    (value) => has(value, 'name') || has(value, 'telecom') || has(value, 'address') || has(value, 'organization'),
  ],
  ['dataAbsentReason.empty() or value.empty()', (value) => (has(value, 'dataAbsentReason') ? undefined : true)],
  [
    'start.hasValue().not() or end.hasValue().not() or (start <= end)',
    ({ start, end }) => (typeof start === 'string' && typeof end === 'string' ? undefined : true),
  ],
  ...NAME_OR_REASON.map((expression): [string, NativeCondition] => [
    expression,
    // A name with extensions takes the general way, which knows what they say.
    (value) => (value.extension === undefined ? has(value, 'family') || has(value, 'given') : undefined),
  ]),
])

import { type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import type { ValueContext } from './parse-value.ts'

/** What reading a filter depends on beside its own text. */
export type FilterContext = Pick<ValueContext, 'base' | 'now'> & {
  types: readonly string[]
  /** Which parameter of the search it is, from 1. */
  position: number
  chain: ChainPlace
  /** Search parameters of the tenant's own. */
  custom?: CustomTable
}

/** How far a chain has come, and how much all chains of the search have used. */
export interface ChainPlace {
  /** References followed so far. */
  hops: number
  /** Types led through so far, multiplied. */
  ways: number
  /** Ways of all chains of the search; shared by all its parameters. */
  spent: { ways: number }
}

/**
 * The definition of a code for all searched types; they must agree on its kind. Of a reference the targets of all.
 * Fault `fhir.search.parameter-building`.
 */
export function definition(
  code: string,
  context: Pick<FilterContext, 'types' | 'position' | 'custom'>,
): SearchParameterDef {
  const defs = context.types.map((type) => definitionOf(type, code, context.custom))
  const [first] = defs
  if (!first || defs.some((def) => def?.type !== first.type)) return unknown(context)
  if (first.type !== 'reference' || defs.length === 1) return first
  const anything = defs.some((def) => def?.targets.length === 0)
  return { ...first, targets: anything ? [] : [...new Set(defs.flatMap((def) => def?.targets ?? []))] }
}

/** An official parameter that has values, or one of the tenant's own. Fault `fhir.search.parameter-building`. */
export function definitionOf(
  type: string,
  code: string,
  custom: CustomTable | undefined,
): SearchParameterDef | undefined {
  const official = searchParameters(type).get(code)
  if (official) return official.index < 0 ? undefined : official
  const own = custom?.of(type)?.get(code)
  if (own && !own.isReady) raise(BUILDING)
  return own?.def
}

/** Part of what is stored cannot be found by it yet, and half an answer would look like a whole one. */
const BUILDING: Fault = {
  category: 'unavailable',
  code: 'fhir.search.parameter-building',
  message:
    'What was stored before this search parameter is still being indexed. Ask SearchParameter/[id]/$salus-reindex-state how far it is, and search again then.',
}

/**
 * Named by its place: the name is the client's own text, and part of a patient's name when a value with `&` was not encoded.
 */
export function unknown({ position }: Pick<FilterContext, 'position'>): never {
  return raise({
    category: 'invalid',
    code: 'fhir.search.parameter-unknown',
    message: `The ${ordinal(position)} parameter is not a search parameter here, or its modifier or chain is not. See the CapabilityStatement, or send Prefer: handling=lenient to have it ignored.`,
  })
}

function ordinal(position: number): string {
  const isTeen = position % 100 > 10 && position % 100 < 14
  return `${position}${(isTeen ? undefined : ['th', 'st', 'nd', 'rd'][position % 10]) ?? 'th'}`
}

import { type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { raise } from '#kernel'
import type { ValueContext } from './parse-value.ts'

/** What reading a filter depends on beside its own text. */
export type FilterContext = Pick<ValueContext, 'base' | 'now'> & {
  types: readonly string[]
  /** Which parameter of the search it is, from 1. */
  position: number
  chain: ChainPlace
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

/** The definition of a code for all searched types; they must agree on its kind. Of a reference the targets of all. */
export function definition(code: string, context: Pick<FilterContext, 'types' | 'position'>): SearchParameterDef {
  const defs = context.types.map((type) => searchParameters(type).get(code))
  const [first] = defs
  if (!first || first.index < 0 || defs.some((def) => def?.type !== first.type)) return unknown(context)
  if (first.type !== 'reference' || defs.length === 1) return first
  const anything = defs.some((def) => def?.targets.length === 0)
  return { ...first, targets: anything ? [] : [...new Set(defs.flatMap((def) => def?.targets ?? []))] }
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

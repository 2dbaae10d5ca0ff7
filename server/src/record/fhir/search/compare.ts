import type { Prefix } from './search-request.ts'

/** An interval of ms, both ends included. */
interface Interval {
  lo: number
  hi: number
}

/**
 * Whether a stored interval satisfies a date search: `eq` wants it inside the searched one, `gt` wants some of it after,
 * `sa` all of it. https://hl7.org/fhir/R4/search.html#prefix
 */
export function dateSatisfies(stored: Interval, prefix: Prefix, query: Interval): boolean {
  const inside = query.lo <= stored.lo && stored.hi <= query.hi
  switch (prefix) {
    case 'eq':
      return inside
    case 'ne':
      return !inside
    case 'gt':
      return stored.hi > query.hi
    case 'lt':
      return stored.lo < query.lo
    case 'ge':
      return stored.hi > query.hi || stored.lo >= query.lo
    case 'le':
      return stored.lo < query.lo || stored.hi <= query.hi
    case 'sa':
      return stored.lo > query.hi
    case 'eb':
      return stored.hi < query.lo
    case 'ap':
      return stored.lo <= query.hi && stored.hi >= query.lo
  }
}

/** A searched number: the value and the half-open interval its written precision covers. */
export interface NumberQuery {
  prefix: Prefix
  value: number
  lo: number
  hi: number
}

/** Approximately means within a tenth (search.html#prefix). */
export function approximately(value: number): { lo: number; hi: number } {
  const margin = Math.abs(value) / 10
  return { lo: value - margin, hi: value + margin }
}

/** As `dateSatisfies` for a number; only `eq` and `ne` look at the written precision (search.html#number). */
export function numberSatisfies(stored: number, { prefix, value, lo, hi }: NumberQuery): boolean {
  switch (prefix) {
    case 'eq':
      return stored >= lo && stored < hi
    case 'ne':
      return !(stored >= lo && stored < hi)
    case 'gt':
    case 'sa':
      return stored > value
    case 'lt':
    case 'eb':
      return stored < value
    case 'ge':
      return stored >= value
    case 'le':
      return stored <= value
    case 'ap': {
      const near = approximately(value)
      return stored >= near.lo && stored <= near.hi
    }
  }
}

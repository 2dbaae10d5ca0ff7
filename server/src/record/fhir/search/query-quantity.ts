import type { NumberQuery } from './compare.ts'
import { tidy } from './number-range.ts'
import type { QueryValue } from './search-request.ts'
import { toCanonical, UCUM_SYSTEM, ucumUnit } from './ucum-unit.ts'

type QuantityQuery = Extract<QueryValue, { kind: 'quantity' }>

/** Text the unit token of a quantity is made of: its canonical UCUM unit, or the unit as it was given. */
export function canonicalUnit({ system, code, unit }: { system?: string; code?: string; unit?: string }): string {
  return system === UCUM_SYSTEM && code !== undefined
    ? `canonical ${UCUM_SYSTEM}|${ucumUnit(code).key}`
    : `canonical ${system ?? ''}|${code ?? unit ?? ''}`
}

/** A stored or searched value in the canonical unit of its own. */
export function canonicalValue({ system, code, value }: { system?: string; code?: string; value: number }): number {
  return system === UCUM_SYSTEM && code !== undefined ? toCanonical(ucumUnit(code), value) : tidy(value)
}

/** The searched interval in canonical units. Every factor is positive, so that order stays. */
export function canonicalQuery(query: QuantityQuery): NumberQuery {
  const convert = (value: number): number => canonicalValue({ ...query, value })
  return { prefix: query.prefix, value: convert(query.value), lo: convert(query.lo), hi: convert(query.hi) }
}

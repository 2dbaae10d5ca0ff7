import type { Json } from '../json.ts'
import { readTemporal, temporal } from '../structure/temporal.ts'
import type { Visit } from './link.ts'
import { OPEN_END_MS, OPEN_START_MS, type SearchValue } from './search-value.ts'

// Spec: https://hl7.org/fhir/R4/search.html#date

export const dateValue: Visit = (value, found) => {
  const text: unknown = value
  if (typeof text === 'string' && readTemporal(text)) found.push({ kind: 'date', lo: temporal.lo, hi: temporal.hi })
}

/** A missing end is open. */
export const periodValue: Visit = (period, found) => {
  const { start, end } = period
  let lo = OPEN_START_MS
  let hi = OPEN_END_MS
  if (typeof start === 'string' && readTemporal(start)) lo = temporal.lo
  if (typeof end === 'string' && readTemporal(end)) hi = temporal.hi
  if (lo !== OPEN_START_MS || hi !== OPEN_END_MS) found.push({ kind: 'date', lo, hi })
}

/** "The specified scheduling details are ignored and only the outer limits matter." */
export const timingValue: Visit = (timing, found, resource) => {
  const limits: SearchValue[] = []
  const { event } = timing
  if (Array.isArray(event)) for (const one of event as Json[]) dateValue(one, limits, resource)
  const bounds = (timing.repeat as Json | undefined)?.boundsPeriod as Json | undefined
  if (bounds !== undefined && bounds !== null) periodValue(bounds, limits, resource)
  let lo = OPEN_END_MS
  let hi = OPEN_START_MS
  for (const limit of limits) {
    if (limit.kind !== 'date') continue
    lo = Math.min(lo, limit.lo)
    hi = Math.max(hi, limit.hi)
  }
  if (limits.length > 0) found.push({ kind: 'date', lo, hi })
}

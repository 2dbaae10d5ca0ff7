import { type CompiledExpression, compile, FhirPathError, type UnitConverter } from '@salus/fhirpath'
import { isJson, textOf } from './definition-source.ts'

interface Compared {
  now?: number | undefined
  units?: UnitConverter | undefined
}

/** Negative, zero or positive as a value is less than, equal to or greater than a limit; undefined when that is unknown. */
export function compareValues(value: unknown, limit: unknown, { now, units }: Compared): number | undefined {
  if (typeof value === 'number' && typeof limit === 'number') return value - limit
  if (typeof value === 'string' && typeof limit === 'string') return compareTexts(value, limit)
  if (typeof value === 'string' && isJson(limit) && now !== undefined && typeof limit.value === 'number') {
    const moment = moved(now, limit)
    return moment === undefined ? undefined : compareTexts(value, moment)
  }
  if (!isJson(value) || !isJson(limit)) return undefined
  if (typeof value.value !== 'number' || typeof limit.value !== 'number') return undefined
  if (value.system === limit.system && value.code !== undefined && value.code === limit.code)
    return value.value - limit.value
  return converted(value, limit, units)
}

/** Dates compare as far as both are given; where the shorter one runs out it is as if equal. */
function compareTexts(value: string, limit: string): number {
  if (value.includes('T') && limit.includes('T')) {
    const order = Date.parse(value) - Date.parse(limit)
    if (!Number.isNaN(order)) return order
  }
  const length = Math.min(value.length, limit.length)
  const [one, other] = [value.slice(0, length), limit.slice(0, length)]
  return one < other ? -1 : one > other ? 1 : 0
}

/** The comparisons for each unit converter, compiled once. */
const comparisons = new WeakMap<object, { lessEqual: CompiledExpression; equal: CompiledExpression }>()
const NO_UNITS = {}

function converted(value: unknown, limit: unknown, units: UnitConverter | undefined): number | undefined {
  const key = units ?? NO_UNITS
  let pair = comparisons.get(key)
  if (pair === undefined) {
    const options = units === undefined ? {} : { ucum: units }
    pair = { lessEqual: compile('value <= limit', options), equal: compile('value = limit', options) }
    comparisons.set(key, pair)
  }
  const input = { value, limit }
  try {
    const [less] = pair.lessEqual(input)
    if (typeof less !== 'boolean') return undefined
    if (!less) return 1
    return pair.equal.test(input) ? 0 : -1
  } catch (error) {
    // Values that have no order between them.
    if (error instanceof FhirPathError) return undefined
    throw error
  }
}

const DAY_MS = 86_400_000

/** A limit as a duration is counted from today. Spec: https://hl7.org/fhir/R4/elementdefinition-definitions.html */
function moved(now: number, duration: Record<string, unknown>): string | undefined {
  const amount = duration.value as number
  const date = new Date(now)
  const unit = textOf(duration.code ?? duration.unit)
  if (unit === 'a') date.setUTCFullYear(date.getUTCFullYear() + amount)
  else if (unit === 'mo') date.setUTCMonth(date.getUTCMonth() + amount)
  else if (unit === 'wk') date.setTime(now + amount * 7 * DAY_MS)
  else if (unit === 'd') date.setTime(now + amount * DAY_MS)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

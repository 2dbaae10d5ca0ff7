import { Decimal } from './decimal.ts'
import type { Run, Site } from './run.ts'
import { timeUnit, UNIT_MS } from './temporal-arithmetic.ts'

/** A quantity of FHIRPath: `unit` is a UCUM code (`1` for none) or, with `calendar`, a singular calendar word. */
export class Quantity {
  readonly value: Decimal
  readonly unit: string
  readonly calendar: boolean

  constructor(value: Decimal, unit: string, calendar: boolean) {
    this.value = value
    this.unit = unit === '' ? '1' : unit
    this.calendar = calendar
  }
}

/**
 * Knowledge of units, injected. Without it quantities of different units are never equal, unequal, smaller or larger:
 * the answer is empty.
 */
export interface UnitConverter {
  /** `value` of unit `from` expressed in unit `to`; undefined when the units measure different things. */
  convert(value: number, from: string, to: string): number | undefined
}

/** A converter may have to read both units: some tens of microseconds, as those of UCUM take. */
const CONVERSION_STEPS = 100

/** Significant digits kept of a converted value: conversion factors are floating point, their last digits noise. */
const CONVERTED_DIGITS = 12

/** `right` expressed in the unit of `left`, exactly where the units are equal; undefined when they do not compare. */
export function inUnitOf(run: Run, left: Quantity, right: Quantity, { at, units }: Site): Decimal | undefined {
  if (left.unit === right.unit && left.calendar === right.calendar) return right.value
  const known = calendarFactor(left, right)
  if (known !== undefined) return known === null ? undefined : right.value.times(known[0])?.over(known[1])
  if (units === undefined) return undefined
  run.spend(CONVERSION_STEPS, at)
  const converted = units.convert(right.value.toNumber(), right.unit, left.unit)
  return converted === undefined ? undefined : Decimal.of(Number(converted.toPrecision(CONVERTED_DIGITS)))
}

/**
 * The factor between two units of time as a fraction; null where both are times and yet do not compare (a calendar
 * year and the mean UCUM year), undefined where they are not both units of time known here.
 */
function calendarFactor(left: Quantity, right: Quantity): [Decimal, Decimal] | null | undefined {
  if (!left.calendar && !right.calendar) return undefined
  const to = timeUnit(left.unit)
  const from = timeUnit(right.unit)
  if (to === undefined || from === undefined) return isMeanLength(left) || isMeanLength(right) ? null : undefined
  const months = monthsOf(from, to)
  if (months !== undefined) return months
  const fromMs = UNIT_MS[from]
  const toMs = UNIT_MS[to]
  if (fromMs === undefined || toMs === undefined) return null
  return [new Decimal(BigInt(fromMs), 0), new Decimal(BigInt(toMs), 0)]
}

const ONE = new Decimal(1n, 0)
const TWELVE = new Decimal(12n, 0)

function monthsOf(from: string, to: string): [Decimal, Decimal] | undefined {
  if (from === 'year' && to === 'month') return [TWELVE, ONE]
  if (from === 'month' && to === 'year') return [ONE, TWELVE]
  return from === to ? [ONE, ONE] : undefined
}

function isMeanLength(quantity: Quantity): boolean {
  return !quantity.calendar && (quantity.unit === 'a' || quantity.unit === 'mo')
}

/** For equivalence only, the mean year and month of UCUM count as those of the calendar: `1 year ~ 1 'a'`. */
export function calendarQuantity(quantity: Quantity): Quantity {
  return isMeanLength(quantity)
    ? new Quantity(quantity.value, quantity.unit === 'a' ? 'year' : 'month', true)
    : quantity
}

/** -1, 0 or 1; undefined when the units do not compare. */
export function compareQuantities(run: Run, left: Quantity, right: Quantity, site: Site): number | undefined {
  const converted = inUnitOf(run, left, right, site)
  return converted === undefined ? undefined : left.value.compare(converted)
}

/** `a * b` of units, as a UCUM expression. */
export function unitProduct(left: string, right: string): string {
  if (left === '1') return right
  return right === '1' ? left : `${left}.${right.includes('/') ? `(${right})` : right}`
}

/** `a / b` of units, as a UCUM expression. */
export function unitQuotient(left: string, right: string): string {
  if (right === '1') return left
  if (left === right) return '1'
  return `${left === '1' ? '' : left}/${/[./]/.test(right) ? `(${right})` : right}`
}

/** As FHIRPath writes it: `4 'mg'`, `1 day`, `3 days` stay apart only by what was written. */
export function quantityText(quantity: Quantity): string {
  const { unit } = quantity
  return quantity.calendar ? `${quantity.value.toString()} ${unit}` : `${quantity.value.toString()} '${unit}'`
}

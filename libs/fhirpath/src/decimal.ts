/** Digits a decimal may have before it counts as an overflow. FHIRPath asks for 28; more keeps products exact. */
export const DECIMAL_DIGITS_MAX = 60

/** Fraction digits of a quotient that does not end. FHIRPath asks for 8. */
const QUOTIENT_SCALE = 16

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/

/**
 * An exact decimal: `units` times ten to the power of minus `scale`. Binary floating point would make
 * `0.1 + 0.2 = 0.3` false, and a dose is not the place for that. `scale` is the written precision and never negative.
 */
export class Decimal {
  readonly units: bigint
  readonly scale: number

  constructor(units: bigint, scale: number) {
    this.units = units
    this.scale = scale
  }

  /** Reads `-1.50` or `1e-7`; undefined when the text is no number or has too many digits. */
  static parse(text: string): Decimal | undefined {
    if (text.length > DECIMAL_DIGITS_MAX) return undefined
    const match = DECIMAL.exec(text)
    if (match === null) return undefined
    const fraction = match[3] ?? ''
    let units = BigInt((match[2] as string) + fraction)
    if (match[1] === '-') units = -units
    const scale = fraction.length - Number(match[4] ?? 0)
    if (Math.abs(scale) > DECIMAL_DIGITS_MAX) return undefined
    return scale < 0 ? new Decimal(units * 10n ** BigInt(-scale), 0) : new Decimal(units, scale)
  }

  /** The shortest decimal that names this number; undefined for a number that is not finite or out of range. */
  static of(value: number): Decimal | undefined {
    if (Number.isSafeInteger(value)) return new Decimal(BigInt(value), 0)
    return Number.isFinite(value) ? Decimal.parse(String(value)) : undefined
  }

  toNumber(): number {
    return this.scale === 0 ? Number(this.units) : Number(this.toString())
  }

  toString(): string {
    const negative = this.units < 0n
    let digits = String(negative ? -this.units : this.units)
    if (this.scale > 0) {
      digits = digits.padStart(this.scale + 1, '0')
      digits = `${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`
    }
    return negative ? `-${digits}` : digits
  }

  /** -1, 0 or 1. */
  compare(other: Decimal): number {
    const scale = Math.max(this.scale, other.scale)
    const left = this.#unitsAt(scale)
    const right = other.#unitsAt(scale)
    return left < right ? -1 : left > right ? 1 : 0
  }

  plus(other: Decimal): Decimal | undefined {
    const scale = Math.max(this.scale, other.scale)
    return inRange(this.#unitsAt(scale) + other.#unitsAt(scale), scale)
  }

  minus(other: Decimal): Decimal | undefined {
    return this.plus(other.negated())
  }

  times(other: Decimal): Decimal | undefined {
    return inRange(this.units * other.units, this.scale + other.scale)
  }

  /** Undefined when dividing by zero. A quotient that does not end is rounded to `QUOTIENT_SCALE` digits. */
  over(other: Decimal): Decimal | undefined {
    if (other.units === 0n) return undefined
    const scale = QUOTIENT_SCALE + other.scale
    const quotient = roundedQuotient(this.#unitsAt(this.scale + scale), other.units)
    return inRange(quotient, this.scale + scale - other.scale)?.trimmed()
  }

  /** The integer part of the quotient, towards zero; undefined when dividing by zero. */
  wholeOver(other: Decimal): bigint | undefined {
    if (other.units === 0n) return undefined
    const scale = Math.max(this.scale, other.scale)
    return this.#unitsAt(scale) / other.#unitsAt(scale)
  }

  /** What `wholeOver` leaves; undefined when dividing by zero. */
  remainder(other: Decimal): Decimal | undefined {
    if (other.units === 0n) return undefined
    const scale = Math.max(this.scale, other.scale)
    return new Decimal(this.#unitsAt(scale) % other.#unitsAt(scale), scale)
  }

  negated(): Decimal {
    return new Decimal(-this.units, this.scale)
  }

  /** Rounded half away from zero to `scale` fraction digits; already shorter decimals stay as they are. */
  rounded(scale: number): Decimal {
    if (scale >= this.scale) return this
    return new Decimal(roundedQuotient(this.units, 10n ** BigInt(this.scale - scale)), scale)
  }

  /** With `scale` digits, cut towards minus infinity (`floor`) or plus infinity (`ceiling`), padded where shorter. */
  toScale(scale: number, towards: 'floor' | 'ceiling'): Decimal {
    if (scale >= this.scale) return new Decimal(this.#unitsAt(scale), scale)
    const divisor = 10n ** BigInt(this.scale - scale)
    const cut = this.units / divisor
    const exact = cut * divisor === this.units
    if (exact) return new Decimal(cut, scale)
    if (towards === 'floor') return new Decimal(this.units < 0n ? cut - 1n : cut, scale)
    return new Decimal(this.units < 0n ? cut : cut + 1n, scale)
  }

  /** The integer part, towards zero. */
  whole(): bigint {
    return this.units / 10n ** BigInt(this.scale)
  }

  /** The same value without trailing zeros. */
  trimmed(): Decimal {
    let { units, scale } = this
    while (scale > 0 && units % 10n === 0n) {
      units /= 10n
      scale -= 1
    }
    return scale === this.scale ? this : new Decimal(units, scale)
  }

  #unitsAt(scale: number): bigint {
    return scale === this.scale ? this.units : this.units * 10n ** BigInt(scale - this.scale)
  }
}

const UNITS_MAX = 10n ** BigInt(DECIMAL_DIGITS_MAX)

/** FHIRPath answers an overflow with the empty collection, so here with undefined. */
function inRange(units: bigint, scale: number): Decimal | undefined {
  if (units >= UNITS_MAX || units <= -UNITS_MAX || scale > DECIMAL_DIGITS_MAX) {
    const shorter = new Decimal(units, scale).rounded(QUOTIENT_SCALE)
    return shorter.units < UNITS_MAX && shorter.units > -UNITS_MAX ? shorter : undefined
  }
  return new Decimal(units, scale)
}

/** Rounds half away from zero. */
function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  const rest = dividend % divisor
  const twice = (rest < 0n ? -rest : rest) * 2n
  if (twice < (divisor < 0n ? -divisor : divisor)) return quotient
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n
}

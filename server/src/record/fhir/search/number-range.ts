const NUMBER = /^[+-]?\d{1,17}(?:\.\d{1,17})?(?:[eE][+-]?\d{1,3})?$/

/**
 * A decimal and the half-open interval its written precision covers: 5.4 stands for [5.35, 5.45), 100 for [99.5, 100.5),
 * 1e2 for [95, 105): the specification's own example gives a number written with an exponent one digit more. Undefined when the text is no decimal. https://hl7.org/fhir/R4/search.html#number
 */
export function numberRange(text: string): { value: number; lo: number; hi: number } | undefined {
  if (!NUMBER.test(text)) return undefined
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  const [mantissa = '', exponent] = text.toLowerCase().split('e')
  const decimals = mantissa.split('.')[1]?.length ?? 0
  const half = Number(`5e${exponent === undefined ? -decimals - 1 : Number(exponent) - decimals - 2}`)
  return { value, lo: tidy(value - half), hi: tidy(value + half) }
}

/**
 * Twelve significant digits: unit conversion leaves noise in the last ones (5.4 mg is 0.0054000000000000003 g),
 * and a comparison must not turn on it. Applied to what is stored and to what is searched.
 */
export function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

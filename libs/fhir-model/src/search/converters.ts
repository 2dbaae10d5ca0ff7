import { dateValue, periodValue, timingValue } from './convert-dates.ts'
import { moneyValue, numberRangeValue, numberValue, quantityRangeValue, quantityValue } from './convert-quantities.ts'
import { canonicalValue, inlineResourceValue, referenceValue } from './convert-references.ts'
import { addressStrings, nameStrings, stringValue, uriValue } from './convert-strings.ts'
import { codeToken, codingToken, conceptTokens, contactToken, identifierToken } from './convert-tokens.ts'
import type { Visit } from './link.ts'
import type { SearchParameterType } from './parameters.ts'

/**
 * Types that a parameter's element may have beside others but that its kind of search cannot compare: a Procedure
 * performed "in childhood" has no date. SampledData is listed because no rule says which of its samples counts.
 */
const nothing: Visit = () => undefined

type Converters = Readonly<Record<string, Visit>>

const TOKENS: Converters = {
  Coding: codingToken,
  CodeableConcept: conceptTokens,
  Identifier: identifierToken,
  ContactPoint: contactToken,
  boolean: codeToken,
  code: codeToken,
  id: codeToken,
  string: codeToken,
  uri: codeToken,
  oid: codeToken,
  uuid: codeToken,
  url: codeToken,
  canonical: codeToken,
}
const STRINGS: Converters = {
  HumanName: nameStrings,
  Address: addressStrings,
  string: stringValue,
  markdown: stringValue,
}
const DATES: Converters = {
  date: dateValue,
  dateTime: dateValue,
  instant: dateValue,
  Period: periodValue,
  Timing: timingValue,
}
const NUMBERS: Converters = {
  integer: numberValue,
  positiveInt: numberValue,
  unsignedInt: numberValue,
  decimal: numberValue,
  Range: numberRangeValue,
}
const QUANTITIES: Converters = {
  Quantity: quantityValue,
  Age: quantityValue,
  Count: quantityValue,
  Distance: quantityValue,
  Duration: quantityValue,
  Money: moneyValue,
  Range: quantityRangeValue,
  SampledData: nothing,
}
const REFERENCES: Converters = {
  Reference: referenceValue,
  canonical: canonicalValue,
  uri: canonicalValue,
  Resource: inlineResourceValue,
}
const URIS: Converters = { uri: uriValue, url: uriValue, canonical: uriValue, oid: uriValue, uuid: uriValue }

const BY_KIND: Readonly<Record<string, Converters>> = {
  token: TOKENS,
  string: STRINGS,
  date: DATES,
  number: NUMBERS,
  quantity: QUANTITIES,
  reference: REFERENCES,
  uri: URIS,
}

/** What turns an element of this type into values of this kind of search; undefined when there is no way. */
export function converter(kind: SearchParameterType, type: string): Visit | undefined {
  return BY_KIND[kind]?.[type]
}

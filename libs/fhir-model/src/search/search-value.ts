/** Lower end of a date interval that is open: earlier than any date, and a safe integer. */
export const OPEN_START_MS = -9_007_199_254_740_990
/** Upper end of a date interval that is open. */
export const OPEN_END_MS = 9_007_199_254_740_990

/**
 * One value of a search parameter in a resource. Dates are closed intervals of milliseconds since 1970. Numbers and
 * quantities carry the interval that their digits stand for (5.4 is 5.35 to 5.45; trailing zeros are lost in JSON
 * parsing), open ends are the largest double. Spec: https://hl7.org/fhir/R4/search.html#ptypes
 */
export type SearchValue =
  | TokenValue
  | StringValue
  | ReferenceValue
  | DateValue
  | NumberValue
  | QuantityValue
  | UriValue
  | CompositeValue

/**
 * `text`: of a Coding its display; of a CodeableConcept its text, in a value of its own; of a ContactPoint its system; of an Identifier the
 * text of its type. `types`: of an Identifier, the codings of its type.
 */
export interface TokenValue {
  kind: 'token'
  system?: string
  code?: string
  text?: string
  types?: { system?: string; code?: string }[]
}
/** `part` names the leaf of a HumanName or Address: `family`, `city`. */
export interface StringValue {
  kind: 'string'
  value: string
  part?: string
}
/**
 * `url` is the literal reference; `type` and `id` are there when it is relative, `type` alone when it can be told
 * otherwise. References to contained resources are left out.
 */
export interface ReferenceValue {
  kind: 'reference'
  type?: string
  id?: string
  url?: string
  identifier?: { system?: string; value?: string }
}
/** Closed interval in ms since 1970, UTC; a date without time covers the whole day. Spec: https://hl7.org/fhir/R4/search.html#date */
export interface DateValue {
  kind: 'date'
  lo: number
  hi: number
}
/** `lo` to `hi` is what the digits of `value` stand for. Spec: https://hl7.org/fhir/R4/search.html#number */
export interface NumberValue {
  kind: 'number'
  value: number
  lo: number
  hi: number
}
/** As a number, in the unit as written. A Range has its low end as value. Spec: https://hl7.org/fhir/R4/search.html#quantity */
export interface QuantityValue {
  kind: 'quantity'
  value: number
  lo: number
  hi: number
  system?: string
  code?: string
  unit?: string
}
/** The URI as written. Spec: https://hl7.org/fhir/R4/search.html#uri */
export interface UriValue {
  kind: 'uri'
  value: string
}
/** One per base element in which every component has a value. */
export interface CompositeValue {
  kind: 'composite'
  components: SearchValue[][]
}

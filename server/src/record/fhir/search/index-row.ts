import { NO_DATE } from '../store/rows.ts'

/** Earliest and latest moment an index row may name: an open end of a period lies there. */
export const DATE_MIN = NO_DATE + 1
export const DATE_MAX = 9_007_199_254_740_991

/** What the record keeps beside the sealed body so that a resource can be found. Tokens are 8 bytes each. */
export interface IndexRow {
  /** Distinct keyed tokens, one after the other. */
  tokens: Buffer
  /** First coding of the promoted code parameter; null when there is none. */
  code: Buffer | null
  /** Promoted date in ms since 1970, `NO_DATE` in both when there is none. */
  lo: number
  hi: number
  /** Bit i: the type's search parameter with index i has a value. */
  present: bigint
  /** Further distinct codings of the promoted code parameter. */
  codes: Buffer[]
  /** Local references by type and id; the caller knows their numbers. */
  references: { param: number; target: { type: string; id: string } }[]
  dates: { param: number; lo: number; hi: number }[]
  /** Numbers too, whose `unit` is zero. */
  quantities: { param: number; unit: Buffer; value: number; canon: number }[]
}

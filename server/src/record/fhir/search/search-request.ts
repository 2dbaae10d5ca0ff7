import type { Fault } from '#kernel'

export type Prefix = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'sa' | 'eb' | 'ap'

/** One value of a search parameter, as written by the client and split into what its type means. */
export type QueryValue =
  /** `system: null` is the form `|code` (explicitly without a system). */
  | { kind: 'token'; system?: string | null; code?: string }
  | { kind: 'string'; value: string }
  | { kind: 'uri'; value: string }
  | { kind: 'id'; id: string }
  /** A local id (with or without its type) or the literal of a reference that is not local. */
  | { kind: 'reference'; type?: string; id: string }
  | { kind: 'url'; url: string }
  /** The moments the written date covers, in ms; `exact` holds them without the widening of `ap`. */
  | { kind: 'date'; prefix: Prefix; lo: number; hi: number }
  /** `lo` and `hi`: what the written precision covers, `lo` included and `hi` not. */
  | { kind: 'number'; prefix: Prefix; value: number; lo: number; hi: number }
  | { kind: 'quantity'; prefix: Prefix; value: number; lo: number; hi: number; system?: string; code?: string }
  | { kind: 'composite'; parts: QueryValue[] }

export type Modifier = 'missing' | 'exact' | 'not' | 'identifier'

/** One search parameter of the query; its values are alternatives. All filters of a request must hold. */
export interface Filter {
  code: string
  modifier?: Modifier
  /** For `:missing`: what the client asked for. `values` is empty then. */
  missing?: boolean
  values: QueryValue[]
  /** `subject:Patient.name=x`: the resource referred to must be of one of `types` and satisfy `filter`. */
  chain?: { types: string[]; filter: Filter }
}

export interface SortKey {
  code: string
  descending: boolean
}

/** `_include` draws in what `source` refers to by `code`; `_revinclude` (reverse) what refers to the matches. */
export interface Include {
  reverse: boolean
  source: string
  code: string
  target?: string
}

/** How the answer is to be written; search itself does not use it. */
export interface OutputWishes {
  summary?: 'true' | 'text' | 'data' | 'count' | 'false'
  elements?: string[]
  format?: string
  pretty?: boolean
}

/** A search that has been understood in full: unknown parts were refused, or ignored and reported. */
export interface SearchRequest {
  types: string[]
  filters: Filter[]
  /** `Patient/x/Observation`: only what is in that compartment. */
  compartment?: { type: string; id: string }
  sort: SortKey[]
  count: number
  total: 'none' | 'estimate' | 'accurate'
  includes: Include[]
  output: OutputWishes
  /** The parameters that took part, for the self link. Values in it may identify patients: for the answer's body only. */
  self: [name: string, value: string][]
  /** What was ignored (lenient handling). */
  warnings: Fault[]
}

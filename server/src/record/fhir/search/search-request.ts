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
  /** `:of-type`: an identifier by its type and its value. */
  | { kind: 'typed-identifier'; system?: string; code: string; value: string }
  /** `:in` and `:not-in`: a value set by its canonical, or one of this server by its id. Becomes tokens before the search. */
  | { kind: 'value-set'; url?: string; id?: string }
  /** Words of `_text` and `_content`, folded: each must begin a word of the text. */
  | { kind: 'words'; words: string[] }
  /** `near`: within so many metres of a place on earth, in degrees. */
  | { kind: 'near'; latitude: number; longitude: number; metres: number }

/**
 * How values are compared where it is not by default. The last three are those of `_filter`, which no parameter's name
 * can ask for.
 */
export type Modifier =
  | 'missing'
  | 'exact'
  | 'not'
  | 'identifier'
  | 'contains'
  | 'text'
  | 'in'
  | 'not-in'
  | 'above'
  | 'below'
  | 'of-type'
  | 'equals'
  | 'ends'
  | 'unequal'

/** One search parameter of the query; its values are alternatives. All filters of a request must hold. */
export interface Filter {
  code: string
  modifier?: Modifier
  /** For `:missing`: what the client asked for. `values` is empty then. */
  missing?: boolean
  values: QueryValue[]
  /** `subject:Patient.name=x`: the resource referred to must be of one of `types` and satisfy `filter`. */
  chain?: { types: string[]; filter: Filter }
  /** `_has:Observation:patient:code=x`: some resource of `type` must refer to this one by `code` and satisfy `filter`. */
  has?: { type: string; code: string; filter: Filter }
  /** Of `_filter`, and of whatever else is made of several conditions. */
  logic?: { op: 'and' | 'or' | 'not'; of: Filter[] }
}

export interface SortKey {
  code: string
  descending: boolean
}

/**
 * `_include` draws in what `source` refers to by `code`; `_revinclude` (reverse) what refers to the matches. `*` stands for each
 * reference parameter, or each type. `iterate`: also of what was drawn in.
 */
export interface Include {
  reverse: boolean
  source: string
  code: string
  target?: string
  iterate?: true
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
  /** `_graph`: id of a GraphDefinition that says what else to include. */
  graph?: string
  output: OutputWishes
  /** The parameters that took part, for the self link. Values in it may identify patients: for the answer's body only. */
  self: [name: string, value: string][]
  /** What was ignored (lenient handling). */
  warnings: Fault[]
}

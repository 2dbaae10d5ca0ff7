import type { Designation } from './displays.ts'
import type { Json } from './resources.ts'

/** A value of a concept's property as in CodeSystem.concept.property: `value` under its FHIR name, e.g. `valueCode`. */
export interface ConceptProperty {
  code: string
  name: string
  value: unknown
}

/** One concept as any code system gives it. */
export interface Concept {
  code: string
  display: string | undefined
  definition: string | undefined
  /** The display first, then further names. */
  designations: readonly Designation[]
  properties: readonly ConceptProperty[]
  extensions: readonly Json[]
  /** Not for use in data: a grouping. */
  isAbstract: boolean
  isInactive: boolean
  /** Value of its status property, where it has one. */
  status: string | undefined
  parents: readonly string[]
  children: readonly string[]
}

export interface PropertyDefinition {
  code: string
  uri?: string
  type?: string
}

/** One filter of a value set: http://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.filter */
export interface Filter {
  property: string
  op: string
  value: string
}

/** What is known of a code system apart from its concepts. */
export interface CodeSystemHead {
  url: string
  version: string | undefined
  name: string | undefined
  title: string | undefined
  content: string
  language: string | undefined
  isCaseSensitive: boolean
  status: string | undefined
  standardsStatus: string | undefined
  isExperimental: boolean
  isVersionNeeded: boolean
  properties: readonly PropertyDefinition[]
  filters: readonly string[]
}

/** How two codes stand in the hierarchy: http://hl7.org/fhir/R4/codesystem-concept-subsumption-outcome.html */
export type Subsumption = 'equivalent' | 'subsumes' | 'subsumed-by' | 'not-subsumed'

/** Which part of a choice is wanted. */
export interface PageWish {
  text?: string
  offset: number
  limit: number
  activeOnly: boolean
}

/** A choice of concepts of one code system. */
export interface Selection {
  /** The concept when it is chosen. */
  find(code: string): Promise<Concept | undefined>
  /** How many are chosen, or that many at least when counting is stopped there. */
  count(atMost: number): Promise<number>
  /** In the order of the code system; with a text filter the best matches first. Undefined when they cannot be listed. */
  page(options: PageWish): Promise<readonly Concept[] | undefined>
}

/** A concept above or below another. */
export interface Relative {
  code: string
  display: string | undefined
}

/** A code system, wherever its concepts lie. */
export interface CodeSystemProvider {
  readonly head: CodeSystemHead
  /** Canonicals of the supplements that take part. */
  readonly supplements: readonly string[]
  /** Concepts are too many to be listed without a text filter or a page. */
  readonly isLarge: boolean
  find(code: string): Promise<Concept | undefined>
  /**
   * Undefined when one of the filters is not understood. All of them must hold; none selects every concept. `spend` is told of the
   * work it causes, in concepts looked at, and throws when that is too much.
   */
  select(filters: readonly Filter[], spend: (visits: number) => void): Promise<Selection | undefined>
  subsumes(a: string, b: string, spend?: (visits: number) => void): Promise<Subsumption | undefined>
  /** How any two of many codes stand, with everything that takes looked up at once, where that is less work than to ask for each pair. */
  compare?(codes: readonly string[]): Promise<(a: string, b: string) => Subsumption | undefined>
  /** Parents and children with their displays, where that is less work than to find each. */
  relatives?(code: string): Promise<{ parents: readonly Relative[]; children: readonly Relative[] }>
}

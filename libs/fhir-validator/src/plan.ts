import type { PrimitiveCheck } from '@salus/fhir-model'
import type { Json } from './definition-source.ts'
import type { Walk } from './walk.ts'

/** A check of one value; `holder` is the object it stands in. It reports to the walk. */
export type Check = (walk: Walk, value: unknown, holder: Json) => void

/** A check of an object as a whole, after its elements. */
export type Rule = (walk: Walk, object: Json) => void

/** How an object is checked: its elements by JSON name. */
export interface NodePlan {
  /** The type, for FHIRPath: `HumanName`, `Patient.contact`. */
  type: string
  isResource: boolean
  properties: ReadonlyMap<string, Property>
  /** Elements that must be there. */
  required: readonly Slot[]
  rules: readonly Rule[]
}

/** An element, whatever JSON names it can have. */
export interface Slot {
  /** For messages: `name`, `value[x]`. */
  name: string
  min: number
  max: number
  /** Who asks for `min` beyond R4 itself: the profile, and the slice it is in; empty for R4. */
  askedBy: string
  /** Its JSON names; of primitives `_name` as well. */
  keys: readonly string[]
  choice: boolean
}

/** What a JSON name of an object may hold. */
export interface Property {
  key: string
  /** The step in an expression: `value.ofType(Quantity)` for `valueQuantity`. */
  label: string
  slot: Slot
  list: boolean
  /** `_given` for `given`; empty when it can have none. */
  sibling: string
  /** For `_given`: `given`. */
  siblingOf: string
  value: ValuePlan
  slicing: SlicingPlan | null
}

export const PRIMITIVE = 0
export const COMPLEX = 1
/** A resource or an extension: its plan brings the way it is visited. */
export const SPECIAL = 2

/** How one value is checked. */
export interface ValuePlan {
  kind: typeof PRIMITIVE | typeof COMPLEX | typeof SPECIAL
  /** Of special kinds. */
  visit: ((walk: Walk, plan: ValuePlan, value: Json, holder: Json) => void) | null
  type: string
  primitive: PrimitiveCheck | null
  /** Of complex values; null until first used, because types refer to each other in circles. */
  node: NodePlan | null
  resolve: (() => NodePlan) | null
  checks: readonly Check[]
  /** Of resources: profiles each must conform to one of; empty for any resource. */
  profiles: readonly string[]
  /** Of resources: the types allowed; empty for any. */
  resourceTypes: readonly string[]
  /** Of resources: whether they are contained, not entries or parameters of their own. */
  contained: boolean
  /** Of extensions: whether they stand in modifierExtension. */
  modifier: boolean
  /** Of extensions: what the place they extend is called in a context (`Patient.name`, `HumanName`, `Element`). */
  contexts: readonly string[]
}

export interface SlicingPlan {
  visit: (walk: Walk, sliced: Sliced) => void
  /** For messages: `Observation.component`. */
  path: string
  slices: readonly SlicePlan[]
  rules: string
  ordered: boolean
  /** Of extensions told apart by URL: the place in `slices`. */
  byUrl: ReadonlyMap<string, number> | null
  /** The profile the slices are of. */
  profile: string
  /** Why items cannot be told apart; null when they can. */
  problem: string | null
}

/** The values of a sliced element. */
export interface Sliced {
  property: Property
  values: readonly unknown[]
  holder: Json
  list: boolean
}

export interface SlicePlan {
  name: string
  min: number
  max: number
  matches: (walk: Walk, value: unknown) => boolean
  value: ValuePlan
  /** Slices of this slice. */
  inner: SlicingPlan | null
}

import { FhirPathError } from './fhirpath-error.ts'
import type { TerminologyOperation } from './functions-terminology.ts'
import type { FhirNode, Item, Items } from './item.ts'
import type { UnitConverter } from './quantity.ts'

/**
 * Work one evaluation may do, in steps: an item reached, an item iterated or two items compared is one step, a string
 * one step for each 64 characters. A million is some hundred times what the costliest R4 invariant needs on a
 * resource of 1 MB, and less than a second.
 */
export const STEPS_MAX = 1_000_000

/** Longest string an evaluation may build: `replace` and `join` could otherwise double their input at each step. */
export const STRING_CHARS_MAX = 10_000_000

/** Steps that several evaluations may take together, nested ones included: what each takes is taken off. */
export interface StepBudget {
  /** Below zero when they took more. */
  left: number
}

/** What an evaluation may know of the world around it. Everything is optional. */
export interface Environment {
  /** The point in time of `now()`, `today()` and `timeOfDay()`: milliseconds since 1970. Required by those only. */
  now?: number
  /** `%resource`: the resource that contains the input. Default: the input when it is a resource. */
  resource?: unknown
  /** `%rootResource`: the resource that contains `%resource`. Default: `%resource`. */
  rootResource?: unknown
  /** `%context`. Default: the input. */
  context?: unknown
  /** Values of further `%names`: JSON, or a collection as an array. */
  variables?: Readonly<Record<string, unknown>>
  /** Steps allowed; default `STEPS_MAX`. */
  steps?: number
  /** Steps that this evaluation and others share; it ends (`limit`) as well when these are spent. Default: none are shared. */
  budget?: StepBudget
  /**
   * The resource a reference means, undefined when unknown. Without it (or when it does not know) `resolve()` finds
   * contained resources and else answers a stub that holds only the type and id which the reference names.
   */
  resolve?(reference: string): unknown
  /** Whether a code, Coding or CodeableConcept is in a value set; undefined when it cannot be said: `{}`. */
  memberOf?(value: unknown, valueSet: string): boolean | undefined
  /** Whether `code` (a Coding or CodeableConcept) is `other` or stands above it; undefined when it cannot be said. */
  subsumes?(code: unknown, other: unknown): boolean | undefined
  /** `%terminologies.expand(...)` and so on: the answer is a resource or a value, undefined when there is none. */
  terminologies?(operation: TerminologyOperation, args: readonly unknown[]): unknown
  /** Whether an element or resource conforms to a profile. Undefined (not known) is an `execution` error. */
  conformsTo?(value: unknown, profile: string): boolean | undefined
  /** Whether an element is in the named slice of a profile (`slice()`). */
  inSlice?(value: unknown, profile: string, slice: string): boolean | undefined
  /** The ElementDefinition of an element of a FHIR type (`Patient`, `Patient.contact`, `code`), for `elementDefinition()`. */
  elementDefinition?(value: unknown, type: string): unknown
  /** Receives what `trace()` is given. The values can be patients' data: they do not belong in a log. */
  trace?(name: string, values: unknown[]): void
}

/** The state of one evaluation. */
export class Run {
  readonly env: Environment
  readonly input: Items
  index: Item | undefined = undefined
  total: Items | undefined = undefined
  /** Values set by `defineVariable`; replaced, never changed, so that leaving a scope is restoring a reference. */
  variables: ReadonlyMap<string, Items> | undefined = undefined
  /** Values that came from outside, as collections: made when first asked for. */
  #converted: Map<string, Items> | undefined
  #steps: number
  readonly #budget: StepBudget | undefined

  constructor(env: Environment, input: Items) {
    this.env = env
    this.input = input
    this.#steps = env.steps ?? STEPS_MAX
    this.#budget = env.budget
  }

  /** What `make` gave when this name was first asked for in this evaluation. */
  once(name: string, make: () => Items): Items {
    this.#converted ??= new Map()
    const known = this.#converted.get(name)
    if (known !== undefined) return known
    const value = make()
    this.#converted.set(name, value)
    return value
  }

  /** Charges for work about to be done. Throws `FhirPathError` (`limit`) when too much was done. */
  spend(steps: number, at: number): void {
    this.#steps -= steps
    if (this.#steps < 0) throw new FhirPathError('limit', 'the evaluation took more steps than it may', at)
    if (this.#budget === undefined) return
    this.#budget.left -= steps
    if (this.#budget.left < 0)
      throw new FhirPathError('limit', 'this evaluation and others took more steps than they may together', at)
  }

  /** Charges for reading or building a string. */
  spendText(chars: number, at: number): void {
    if (chars > STRING_CHARS_MAX) throw new FhirPathError('limit', 'the evaluation built too long a string', at)
    this.spend(1 + (chars >> 6), at)
  }

  /** Charges for looking for a part in a text, which takes their product in the worst case: a step is some 2 us. */
  spendSearch(text: string, part: string, at: number): void {
    this.spend(1 + (text.length >> 6) + Math.floor((text.length * part.length) / 16_384), at)
  }
}

/** Where an operation stands and what it knows of units. */
export interface Site {
  at: number
  units: UnitConverter | undefined
}

/** A compiled expression: `focus` is `$this`. */
export type Eval = (run: Run, focus: Items) => Items

export function executionError(message: string, at: number): FhirPathError {
  return new FhirPathError('execution', message, at)
}

/** The only item, undefined when there is none. Throws (`execution`) when there are several. */
export function single(items: Items, at: number): Item | undefined {
  if (items.length > 1) throw executionError('a single item is needed here and there are several', at)
  return items[0]
}

/** A collection as a condition: empty is undefined, a single item that is not a boolean is true. */
export function condition(items: Items, at: number): boolean | undefined {
  const item = single(items, at)
  if (item === undefined) return undefined
  if (typeof item === 'boolean') return item
  const value = (item as FhirNode).value
  return typeof value === 'boolean' ? value : true
}

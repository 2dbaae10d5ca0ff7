import type { Environment, StepBudget } from '@salus/fhirpath'
import { type Json, textOf } from './definition-source.ts'
import type { Issue, IssueCode, IssueSeverity } from './issue.ts'
import type { PendingCheck } from './pending.ts'
import type { Settings } from './settings.ts'

/** Objects within objects; deeper input is refused, because the walk recurses. Real resources stay below 30. */
export const DEPTH_MAX = 100

/** Issues kept of one validation: enough to mend a resource, bounded for hostile input. */
export const ISSUES_MAX = 500

/** Codes of one validation left to the caller to check; a Bundle of thousands of entries has no more than some of each. */
const PENDING_MAX = 5_000

/**
 * Work of one validation in objects visited, counted again for every profile, and in slices tried. A document of 10,000
 * entries takes some 100,000; five million take two to three seconds.
 */
const VISITS_MAX = 5_000_000

/** A resource being visited, and what surrounds it. */
export interface Place {
  resource: Json
  /** The resource that contains it by `contained`, else itself. */
  container: Json
  /** The Bundle it is an entry of, or contained in an entry of; null outside. */
  bundle: Json | null
  outer: Place | null
  /** Depth of the walk where the resource stands. */
  depth: number
  /** How many profiles it has been checked against; beyond the first pass, what it contains is not checked again. */
  pass: number
  /** What FHIRPath sees; made when first needed. */
  env: Environment | null
  contained: boolean
  /** Ids of elements met so far. */
  ids: Set<string> | null
}

/**
 * The state of one validation. The path is written into two arrays on the way down and becomes an expression only when
 * there is something to report, so that a valid resource costs no strings.
 */
export class Walk {
  readonly settings: Settings
  depth = 0
  issues: Issue[] = []
  /** Of some issues, the profile that asks for what is missing. */
  readonly askers = new Map<Issue, string>()
  errors = 0
  pending: PendingCheck[] = []
  place: Place | null = null
  /** Above zero while something is only tried (a discriminator, a target's profile): nothing is recorded but errors. */
  trying = 0
  visits = 0
  keys = 0
  /** Something was looked at twice, so findings may be double. */
  repeated = false
  /** Invariants that took more work than they may. */
  costly = 0
  /** What all FHIRPath of this validation may take together; undefined: no bound. */
  readonly budget: StepBudget | undefined
  /** Nesting went beyond the limit: nothing that recurses may look at what is around it. */
  tooDeep = false
  /** They grow with the depth, one entry at a time: making them long beforehand took a seventh of all time. */
  readonly #labels: string[] = []
  readonly #places: number[] = []
  #indexes: Map<Json, unknown> | undefined
  #answers: Map<object, Map<unknown, boolean>> | undefined

  constructor(settings: Settings) {
    this.settings = settings
    this.budget = settings.steps === undefined ? undefined : { left: settings.steps }
  }

  start(name: string): void {
    this.depth = 0
    this.#labels[0] = name
    this.#places[0] = -1
  }

  /** Says that what follows is at this step below the object entered last; `place` is -1 outside a list. */
  step(label: string, place: number): void {
    this.#labels[this.depth] = label
    this.#places[this.depth] = place
  }

  /** Whether the work of this validation is spent; said once. */
  get exhausted(): boolean {
    if (this.visits < VISITS_MAX) return false
    if (this.visits !== Number.POSITIVE_INFINITY) {
      this.visits = Number.POSITIVE_INFINITY
      this.trying = 0
      this.#add('error', 'too-costly', 'The validation took more work than it may; the rest was not checked.', '')
    }
    return true
  }

  /** Whether what FHIRPath may take in this validation is spent. */
  get isSpent(): boolean {
    return this.budget !== undefined && this.budget.left < 0
  }

  /** No invariant is evaluated from here on. Said once, also while something is only tried: silence would look like soundness. */
  stopInvariants(): void {
    if (this.costly === Number.POSITIVE_INFINITY) return
    this.costly = Number.POSITIVE_INFINITY
    this.#add('error', 'too-costly', 'No further invariants were evaluated.', '')
  }

  /** `asker`: the profile that wants it otherwise, where R4 itself does not. */
  error(code: IssueCode, text: string, below = '', asker = ''): void {
    this.errors++
    if (this.trying === 0) this.#add('error', code, text, below, asker)
  }

  note(severity: Exclude<IssueSeverity, 'fatal'>, code: IssueCode, text: string, below = ''): void {
    if (severity === 'error') this.error(code, text, below)
    else if (this.trying === 0) this.#add(severity, code, text, below)
  }

  defer(pending: PendingCheck): void {
    if (this.trying === 0 && this.pending.length < PENDING_MAX) this.pending.push(pending)
  }

  /** What was worked out about an object for this validation: entries by URL, contained resources by id. */
  index<T>(object: Json, make: (object: Json) => T): T {
    this.#indexes ??= new Map()
    let index = this.#indexes.get(object)
    if (index === undefined) this.#indexes.set(object, (index = make(object)))
    return index as T
  }

  /** Runs `work` without recording and says whether it found no error. */
  isFree(work: () => void): boolean {
    const { errors, depth } = this
    this.trying++
    work()
    this.trying--
    const free = this.errors === errors
    this.errors = errors
    this.depth = depth
    return free
  }

  /**
   * Like {@link isFree}, answered once per object and plan; true as well while the same question is being asked, so that
   * references in a circle end.
   */
  conforms(object: object, plan: unknown, work: () => void): boolean {
    this.#answers ??= new Map()
    let answers = this.#answers.get(object)
    if (answers === undefined) this.#answers.set(object, (answers = new Map<unknown, boolean>()))
    const known = answers.get(plan)
    if (known !== undefined) return known
    answers.set(plan, true)
    const free = this.isFree(work)
    answers.set(plan, free)
    return free
  }

  /** The expression of the current step. */
  path(): string {
    let text = this.#labels[0] ?? ''
    for (let at = 1; at <= this.depth; at++) {
      text += `.${this.#labels[at]}`
      if ((this.#places[at] as number) >= 0) text += `[${this.#places[at]}]`
    }
    return text
  }

  /** The path of the element that is extended at the current step, as definitions write it: `Patient.contact.name`. */
  definitionPath(): string {
    const from = this.place?.depth ?? 0
    let text = textOf(this.place?.resource.resourceType)
    for (let at = from + 1; at < this.depth; at++) {
      const label = this.#labels[at] as string
      text += `.${label.includes('.ofType(') ? `${label.slice(0, label.indexOf('.'))}[x]` : label}`
    }
    return text
  }

  #add(severity: IssueSeverity, code: IssueCode, text: string, below: string, asker = ''): void {
    const { issues } = this
    if (issues.length > ISSUES_MAX) return
    if (issues.length === ISSUES_MAX) {
      const cut = `More than ${ISSUES_MAX} findings; the rest is not listed.`
      issues.push({ severity: 'error', code: 'too-costly', expression: this.#labels[0] ?? '', text: cut })
      return
    }
    const issue = { severity, code, expression: below === '' ? this.path() : `${this.path()}.${below}`, text }
    issues.push(issue)
    if (asker !== '') this.askers.set(issue, asker)
  }
}

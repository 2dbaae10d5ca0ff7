// The state of one validation. Checking is synchronous, so one set of variables serves all: the path is written into
// two arrays on the way down and turned into an expression only when there is something to report.
import type { Json } from '../json.ts'
import type { Problem, ValidationIssue } from './issue.ts'

/** A check of an object as a whole; it calls {@link report}. */
export type Rule = (value: Json) => void

/** Objects within objects; deeper input is refused, because the walk and whoever reads the resource recurse. */
export const DEPTH_MAX = 100
/** Issues reported of one resource: enough to mend it, bounded for hostile input. */
export const ISSUES_MAX = 100

const NO_ISSUES: ValidationIssue[] = []

export const walk = {
  /** Objects entered; the place of the current step in `labels` and `places`. */
  depth: 0,
  keys: 0,
  issues: NO_ISSUES,
  /** The resource whose `contained` local references point into; null outside any. */
  container: null as Json | null,
}
const labels: string[] = Array.from({ length: DEPTH_MAX + 2 }, () => '')
const places: number[] = Array.from({ length: DEPTH_MAX + 2 }, () => -1)

/** Starts a validation at a resource of this name. */
export function startWalk(name: string): void {
  walk.depth = 0
  walk.keys = 0
  walk.issues = NO_ISSUES
  walk.container = null
  labels[0] = name
  places[0] = -1
}

/** Says that what follows is at this step below the object entered last; `place` is -1 outside a list. */
export function step(label: string, place: number): void {
  labels[walk.depth] = label
  places[walk.depth] = place
}

/** Records a problem at the current step, or at an element below it. */
export function report(problem: Problem, below = ''): void {
  if (walk.issues.length > ISSUES_MAX) return
  if (walk.issues === NO_ISSUES) walk.issues = []
  if (walk.issues.length === ISSUES_MAX) {
    const message = `More than ${ISSUES_MAX} problems; the rest is not listed.`
    walk.issues.push({ severity: 'error', code: 'too-costly', expression: labels[0] ?? '', message })
    return
  }
  const { code, message } = problem
  walk.issues.push({ severity: 'error', code, expression: below === '' ? path() : `${path()}.${below}`, message })
}

function path(): string {
  let text = labels[0] ?? ''
  for (let at = 1; at <= walk.depth; at++) {
    text += `.${labels[at]}`
    if ((places[at] as number) >= 0) text += `[${places[at]}]`
  }
  return text
}

/** The resource contained in {@link walk.container} under this id, or null. */
export function containedById(id: string): Json | null {
  const contained = walk.container?.contained
  if (!Array.isArray(contained)) return null
  for (const resource of contained as (Json | null)[]) if (resource?.id === id) return resource
  return null
}

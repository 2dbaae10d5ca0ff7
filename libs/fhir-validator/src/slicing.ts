import type { Json } from './definition-source.ts'
import { textOf } from './definition-source.ts'
import type { Property, Sliced, SlicePlan, SlicingPlan } from './plan.ts'
import { visitValue } from './visit.ts'
import type { Walk } from './walk.ts'

/** Checks the values of an element that is sliced: each against its slice, else against the element itself. */
export function visitSliced(walk: Walk, { property, values, holder, list }: Sliced): void {
  const slicing = property.slicing as SlicingPlan
  if (slicing.problem !== null) walk.note('warning', 'not-supported', slicing.problem)
  const found = slicing.slices.map(() => 0)
  let last = -1
  let unmatched = false
  for (let place = 0; place < values.length; place++) {
    const value = values[place]
    walk.step(property.label, list ? place : -1)
    if (value === null) continue
    const at = sliceOf(walk, slicing, value)
    if (at < 0) {
      unmatched = true
      visitValue(walk, property.value, value, holder)
      if (slicing.rules === 'closed')
        walk.error(
          'structure',
          `It matches no slice of ${slicing.path}, and the profile ${slicing.profile} allows no others.`,
        )
      continue
    }
    const slice = slicing.slices[at] as SlicePlan
    found[at] = (found[at] as number) + 1
    if (slicing.ordered && at < last)
      walk.error('structure', `The slice ${slice.name} of ${slicing.path} must come before the one before it.`)
    if (slicing.rules === 'openAtEnd' && unmatched)
      walk.error('structure', `Values beyond the slices of ${slicing.path} must come at the end.`)
    last = Math.max(last, at)
    if (slice.inner === null) visitValue(walk, slice.value, value, holder)
    else visitInner(walk, property, slice, { value, holder, place: list ? place : -1 })
  }
  walk.step(property.label, -1)
  checkCounts(walk, slicing, found)
}

/** A slice that is sliced itself: the values of the slice are told apart again, one at a time. */
function visitInner(
  walk: Walk,
  property: Property,
  slice: SlicePlan,
  { value, holder, place }: { value: unknown; holder: Json; place: number },
): void {
  const inner = slice.inner as SlicingPlan
  const at = sliceOf(walk, inner, value)
  walk.step(property.label, place)
  visitValue(walk, at < 0 ? slice.value : (inner.slices[at] as SlicePlan).value, value, holder)
  if (at < 0 && inner.rules === 'closed')
    walk.error('structure', `It matches no slice of ${inner.path}, and the profile ${inner.profile} allows no others.`)
}

function sliceOf(walk: Walk, slicing: SlicingPlan, value: unknown): number {
  if (slicing.byUrl !== null) return slicing.byUrl.get(textOf((value as Json).url)) ?? -1
  const { slices } = slicing
  walk.visits += slices.length
  let fallback = -1
  for (let at = 0; at < slices.length; at++) {
    const slice = slices[at] as SlicePlan
    if (slice.name === '@default') fallback = at
    else if (slice.matches(walk, value)) return at
  }
  return fallback
}

/** Slices of slices are counted by what they match, which only inner slices with a minimum need. */
function checkCounts(walk: Walk, { slices, path, profile }: SlicingPlan, found: readonly number[]): void {
  for (let at = 0; at < slices.length; at++) {
    const slice = slices[at] as SlicePlan
    const count = found[at] as number
    if (count >= slice.min && count <= slice.max) continue
    walk.depth--
    if (count < slice.min)
      walk.error(
        'required',
        `Slice ${path}:${slice.name}: at least ${slice.min} required, but ${count} found.`,
        '',
        profile,
      )
    else
      walk.error(
        'structure',
        `Slice ${path}:${slice.name}: at most ${slice.max} allowed, but ${count} found.`,
        '',
        profile,
      )
    walk.depth++
  }
}

/** Required slices are missing as well when the element is not there at all. */
export function checkAbsent(walk: Walk, slicing: SlicingPlan): void {
  for (const { min, name } of slicing.slices)
    if (min > 0)
      walk.error(
        'required',
        `Slice ${slicing.path}:${name}: at least ${min} required, but 0 found.`,
        '',
        slicing.profile,
      )
}

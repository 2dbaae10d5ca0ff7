import type { Json } from '../json.ts'
import { referencedType } from './references.ts'
import type { Route, Step, Test } from './routes.ts'
import type { SearchValue } from './search-value.ts'

/** Looks at a value and adds what it finds. */
export type Visit = (value: Json, found: SearchValue[], resource: Json) => void

/** Chains the steps of a route into one function that ends in `leaf`. Values of an unexpected shape are passed over. */
export function link(route: Route, leaf: Visit): Visit {
  const visit = route.steps.reduceRight<Visit>((next, step) => linkStep(step, next), leaf)
  return route.from === 'item' ? visit : (_, found, resource) => visit(resource, found, resource)
}

function linkStep(step: Step, next: Visit): Visit {
  if (step.kind === 'key')
    return step.only === undefined ? keyStep(step.key, next) : itemStep(step.key, step.only, next)
  if (step.kind === 'equals') {
    const { key, value: wanted } = step
    return (value, found, resource) => {
      if (value[key] === wanted) next(value, found, resource)
    }
  }
  const { type, sole } = step
  return (value, found, resource) => {
    const actual = referencedType(value, resource)
    if (actual === type || (actual === undefined && sole)) next(value, found, resource)
  }
}

function keyStep(key: string, next: Visit): Visit {
  return (value, found, resource) => {
    const inner = value[key] as Json | Json[] | null | undefined
    if (inner === undefined || inner === null) return
    if (!Array.isArray(inner)) return next(inner, found, resource)
    // A null stands for a primitive that has only extensions.
    for (const item of inner) if (item !== null) next(item, found, resource)
  }
}

function itemStep(key: string, only: number, next: Visit): Visit {
  return (value, found, resource) => {
    const inner = value[key]
    const item = (Array.isArray(inner) ? inner[only] : undefined) as Json | null | undefined
    if (item !== undefined && item !== null) next(item, found, resource)
  }
}

/** Evaluates a test on a resource: an element that is absent makes a comparison unknown, which `and` takes for false. */
export function linkTest(test: Test): (resource: Json) => boolean {
  if (test.kind === 'and') {
    const left = linkTest(test.left)
    const right = linkTest(test.right)
    return (resource) => left(resource) && right(resource)
  }
  const wanted = test.kind === 'differs' ? test.value : undefined
  const visits = test.routes.map((route) =>
    link(route, (value, found) => {
      if (wanted === undefined || (value as unknown) !== wanted) found.push(FOUND)
    }),
  )
  return (resource) => {
    const found: SearchValue[] = []
    for (const visit of visits) visit(resource, found, resource)
    return found.length > 0
  }
}

const FOUND: SearchValue = { kind: 'uri', value: '' }

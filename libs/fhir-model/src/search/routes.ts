import type { CallNode, Expression } from '@salus/fhirpath'
import { choiceName, node, type TypeRef } from '../structure/structure.ts'

/** One move from a JSON object to what the next move starts from. */
export type Step =
  /** To the value of a key, and to each item of a list; with `only`, to that item alone. */
  | { kind: 'key'; key: string; many: boolean; only?: number }
  /** Stays, when the key holds this value. */
  | { kind: 'equals'; key: string; value: string }
  /** Stays, when the Reference points at this type; `sole` when the element allows no other. */
  | { kind: 'target'; type: string; sole: boolean }

/**
 * A path whose every step and whose result type are known before a resource is seen. An expression becomes one route
 * per alternative and per type of a choice element.
 */
export interface Route {
  /** Where it starts: the item at hand, or the resource (`%resource`). */
  from: 'item' | 'resource'
  steps: readonly Step[]
  /** Element names without filters: `name.given`; empty for the item itself. */
  path: string
  /** FHIR type, or node name, of what it leads to. */
  type: string
  targets?: readonly string[]
}

/** What a boolean expression asks: whether elements exist, what they are not equal to. */
export type Test =
  | { kind: 'exists'; routes: Route[] }
  | { kind: 'differs'; routes: Route[]; value: boolean }
  | { kind: 'and'; left: Test; right: Test }

/** Thrown for an expression that is outside of the subset; the message says which part. */
export class UnsupportedExpression extends Error {}

/**
 * The routes of an expression, for items of this type. The subset: paths, `|`, `as`, `ofType`, `[n]`, `extension(url)`,
 * `where(key = 'text')`, `where(resolve() is Type)` and `%resource`.
 */
export function routesOf(expression: Expression, type: string, resourceType: string): Route[] {
  const of = (inner: Expression): Route[] => routesOf(inner, type, resourceType)
  switch (expression.kind) {
    case 'this':
      return [start('item', type)]
    case 'constant':
      if (expression.name === 'resource') return [start('resource', resourceType)]
      break
    case 'member':
      return memberRoutes(expression.of === null ? null : of(expression.of), expression.name, type)
    case 'call':
      return callRoutes(expression, expression.of === null ? [start('item', type)] : of(expression.of))
    case 'type':
      if (expression.op === 'as') return narrow(of(expression.operand), expression.type.name)
      break
    case 'indexer':
      if (expression.index.kind === 'integer') return itemRoutes(of(expression.of), expression.index.value)
      break
    case 'binary':
      if (expression.op === '|') return [...of(expression.left), ...of(expression.right)]
      break
    default:
  }
  throw new UnsupportedExpression(`${expression.kind} at ${expression.at}`)
}

/** The test of a boolean expression of `exists()`, `!=` and `and`; null when the expression is a path. */
export function testOf(expression: Expression, type: string): Test | null {
  if (expression.kind === 'call' && expression.name === 'exists' && expression.of !== null)
    return { kind: 'exists', routes: routesOf(expression.of, type, type) }
  if (expression.kind !== 'binary') return null
  const { op, left, right } = expression
  if (op === '!=' && right.kind === 'boolean')
    return { kind: 'differs', routes: routesOf(left, type, type), value: right.value }
  const tests = op === 'and' ? [testOf(left, type), testOf(right, type)] : []
  return tests[0] && tests[1] ? { kind: 'and', left: tests[0], right: tests[1] } : null
}

const start = (from: Route['from'], type: string): Route => ({ from, steps: [], path: '', type })

/** A first name is the type itself (`Patient.name`, `Resource.id`) or an element of the item. */
function memberRoutes(of: Route[] | null, name: string, type: string): Route[] {
  if (of !== null) return of.flatMap((route) => childRoutes(route, name))
  if (name === type || name === 'Resource' || name === 'DomainResource') return [start('item', type)]
  return childRoutes(start('item', type), name)
}

function childRoutes(route: Route, name: string): Route[] {
  const element = node(route.type)?.elements.get(name)
  if (element === undefined) throw new UnsupportedExpression(`${route.type} has no element ${name}`)
  return element.types.map((type) => {
    const key = element.choice ? choiceName(name, type.name) : name
    return extend(route, { kind: 'key', key, many: element.many }, { name, type })
  })
}

function extend(route: Route, step: Step, to: { name: string; type: TypeRef }): Route {
  return {
    from: route.from,
    steps: [...route.steps, step],
    path: route.path === '' ? to.name : `${route.path}.${to.name}`,
    type: to.type.name,
    ...(to.type.targets === undefined ? {} : { targets: to.type.targets }),
  }
}

function callRoutes(call: CallNode, of: Route[]): Route[] {
  const [argument] = call.args
  if (argument === undefined || call.args.length > 1) throw new UnsupportedExpression(`${call.name} at ${call.at}`)
  if ((call.name === 'as' || call.name === 'ofType') && argument.kind === 'member') return narrow(of, argument.name)
  if (call.name === 'where') return of.map((route) => filtered(route, argument))
  if (call.name === 'extension' && argument.kind === 'string')
    return of
      .flatMap((route) => childRoutes(route, 'extension'))
      .map((route) => withStep(route, { kind: 'equals', key: 'url', value: argument.value }))
  throw new UnsupportedExpression(`${call.name} at ${call.at}`)
}

/** Letter case is ignored, because an official expression says `DateTime` for `dateTime`. */
function narrow(routes: Route[], type: string): Route[] {
  const wanted = type.toLowerCase()
  return routes.filter((route) => route.type.toLowerCase() === wanted)
}

function itemRoutes(routes: Route[], only: number): Route[] {
  return routes.map((route) => {
    const last = route.steps.at(-1)
    if (last?.kind !== 'key') throw new UnsupportedExpression('an index that follows no element')
    return { ...route, steps: [...route.steps.slice(0, -1), { ...last, only }] }
  })
}

const withStep = (route: Route, step: Step): Route => ({ ...route, steps: [...route.steps, step] })

function filtered(route: Route, criterion: Expression): Route {
  if (criterion.kind === 'type' && criterion.op === 'is') {
    const { operand } = criterion
    if (operand.kind === 'call' && operand.name === 'resolve' && operand.of === null) {
      const type = criterion.type.name
      const sole = route.targets?.length === 1 && route.targets[0] === type
      return { ...withStep(route, { kind: 'target', type, sole }), targets: [type] }
    }
  }
  if (criterion.kind === 'binary' && criterion.op === '=') {
    const { left, right } = criterion
    if (left.kind === 'member' && left.of === null && right.kind === 'string')
      return withStep(route, { kind: 'equals', key: left.name, value: right.value })
  }
  throw new UnsupportedExpression(`where at ${criterion.at}`)
}

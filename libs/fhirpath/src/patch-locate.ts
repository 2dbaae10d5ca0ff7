import type { CallNode, Expression } from './ast.ts'
import { childType } from './children.ts'
import { evalOf } from './compile.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { iterate } from './function-table.ts'
import { type FhirNode, isObject, type JsonObject, toNode } from './item.ts'
import { condition, type Run } from './run.ts'
import { CHOICE_SUFFIXES, type TypeModel } from './type-model.ts'
import { typeArgument, typeTest } from './type-test.ts'

/** A place in a resource: where an element hangs, so that it can be taken away or replaced. */
export interface Place {
  node: FhirNode
  /** The place of the object that holds the element; null for the resource itself. */
  parent: Place | null
  /** The name in FHIRPath (`value`) and the key in JSON (`valueQuantity`). */
  name: string
  key: string
  /** Position in the list, -1 where the element does not repeat. */
  index: number
}

export interface LocateContext {
  root: Place
  run: Run
  model: TypeModel | undefined
}

/**
 * The places a path names. Paths are elements, indexers and the functions that choose among elements; anything that
 * calculates has no place and throws `FhirPathError` (`semantic`).
 */
export function locate(node: Expression, context: LocateContext): Place[] {
  switch (node.kind) {
    case 'this':
      return [context.root]
    case 'member':
      if (node.of === null) return startPlaces(node.name, context)
      return spend(
        context,
        node.at,
        locate(node.of, context).flatMap((place) => childPlaces(place, node.name, context.model)),
      )
    case 'indexer': {
      if (node.index.kind !== 'integer') throw noPlace(node.at)
      const place = locate(node.of, context)[node.index.value]
      return place === undefined ? [] : [place]
    }
    case 'type': {
      if (node.op !== 'as') throw noPlace(node.at)
      const test = typeTest(node.type, true, context.model)
      return locate(node.operand, context).filter((place) => test(place.node))
    }
    case 'call':
      return calledPlaces(node, context)
    default:
      throw noPlace(node.at)
  }
}

function calledPlaces(node: CallNode, context: LocateContext): Place[] {
  const places = node.of === null ? [context.root] : locate(node.of, context)
  const [argument] = node.args
  if (node.args.length === 0) {
    if (node.name === 'first') return places.slice(0, 1)
    if (node.name === 'last') return places.slice(-1)
    if (node.name === 'single') return places
    throw noPlace(node.at)
  }
  if (node.args.length !== 1 || argument === undefined) throw noPlace(node.at)
  switch (node.name) {
    case 'where':
      return matchingPlaces(places, argument, context)
    case 'ofType':
    case 'as': {
      const test = typeTest(typeArgument(argument), true, context.model)
      return places.filter((place) => test(place.node))
    }
    case 'extension': {
      if (argument.kind !== 'string') throw noPlace(node.at)
      const url = argument.value
      const extensions = places.flatMap((place) => childPlaces(place, 'extension', context.model))
      return extensions.filter(({ node: { value } }) => isObject(value) && value.url === url)
    }
  }
  throw noPlace(node.at)
}

function matchingPlaces(places: Place[], criterion: Expression, { run, model }: LocateContext): Place[] {
  const evaluate = evalOf(criterion, model === undefined ? {} : { model })
  const matching: Place[] = []
  let next = 0
  const nodes = places.map((place) => place.node)
  iterate(run, nodes, evaluate, criterion.at, (result) => {
    const place = places[next++] as Place
    if (condition(result, criterion.at) === true) matching.push(place)
    return true
  })
  return matching
}

function startPlaces(name: string, { root, model }: LocateContext): Place[] {
  const isRoot = name === root.node.type || name === 'Resource' || name === 'DomainResource'
  return isRoot ? [root] : childPlaces(root, name, model)
}

/** The children called `name`, in the order of the list. An extension of a primitive hangs below `_name`. */
export function childPlaces(parent: Place, name: string, model: TypeModel | undefined): Place[] {
  const json = objectOf(parent.node)
  const key = json === undefined ? undefined : keyOf(json, parent.node, name, model)
  if (json === undefined || key === undefined) return []
  const value = Object.hasOwn(json, key) ? json[key] : undefined
  const extra = Object.hasOwn(json, `_${key}`) ? json[`_${key}`] : undefined
  const type = childType(parent.node, key, model)
  if (!Array.isArray(value) && !Array.isArray(extra)) {
    return [{ node: toNode(value, type, extra), parent, name, key, index: -1 }]
  }
  const values: unknown[] = Array.isArray(value) ? value : []
  const extras: unknown[] = Array.isArray(extra) ? extra : []
  return Array.from({ length: Math.max(values.length, extras.length) }, (_, index) => ({
    node: toNode(values[index] ?? undefined, type, extras[index] ?? undefined),
    parent,
    name,
    key,
    index,
  }))
}

/** The object an element's children live in; undefined for a primitive without `id` and extensions. */
export function objectOf(node: FhirNode): JsonObject | undefined {
  if (isObject(node.value)) return node.value
  return isObject(node.extra) ? node.extra : undefined
}

/** The JSON key under which an element called `name` is present. */
function keyOf(json: JsonObject, parent: FhirNode, name: string, model: TypeModel | undefined): string | undefined {
  const present = (key: string) => Object.hasOwn(json, key) || Object.hasOwn(json, `_${key}`)
  const choices = isObject(parent.value) && parent.type !== '' ? model?.child(parent.type, name)?.choiceOf : undefined
  if (choices !== undefined) return choices.find(([key]) => present(key))?.[0]
  if (present(name)) return name
  if (model !== undefined && parent.type !== '') return undefined
  for (const suffix of CHOICE_SUFFIXES.keys()) if (present(name + suffix)) return name + suffix
  return undefined
}

function spend(context: LocateContext, at: number, places: Place[]): Place[] {
  context.run.spend(1 + places.length, at)
  return places
}

function noPlace(at: number): FhirPathError {
  return new FhirPathError('semantic', 'this part of a path names no place in a resource', at)
}

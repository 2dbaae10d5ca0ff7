import { parse } from '@salus/fhirpath'
import type { Json } from '../json.ts'
import { FALSE, TRUE } from './convert-tokens.ts'
import { converter } from './converters.ts'
import { link, linkTest, type Visit } from './link.ts'
import { type SearchParameterDef, type SearchParameterType, searchParameters } from './parameters.ts'
import { type Route, routesOf, testOf, UnsupportedExpression } from './routes.ts'
import type { SearchValue } from './search-value.ts'

/** A way to values of a parameter that is worth going only when the resource has the key; '' for always. */
export interface Branch {
  key: string
  /** Equal for branches that find the same values. */
  signature: string
  visit: Visit
}

/** The branches of a parameter of this resource type. Throws {@link UnsupportedExpression}. */
export function branchesOf(def: SearchParameterDef, type: string): Branch[] {
  if (def.expression === '' || def.type === 'special') return []
  const expression = parse(def.expression)
  const test = testOf(expression, type)
  if (test !== null) {
    const holds = linkTest(test)
    const visit: Visit = (resource, found) => void found.push(holds(resource) ? TRUE : FALSE)
    return [{ key: '', signature: `${type}.${def.code}`, visit }]
  }
  const routes = routesOf(expression, type, type)
  if (def.type === 'composite') return routes.flatMap((route) => compositeBranches(def, route, type))
  return routes.flatMap((route) => {
    const convert = converter(def.type, route.type)
    if (convert === undefined) return []
    const leaf = def.type === 'reference' && route.type === 'Resource' ? onlyTargets(def, convert) : convert
    return [{ key: firstKey(route), signature: signatureOf(def, route), visit: link(route, leaf) }]
  })
}

/** Routes of a parameter, for rules about where its values stand; none for tests and specials. */
export function parameterRoutes(def: SearchParameterDef, type: string): Route[] {
  if (def.expression === '') return []
  const expression = parse(def.expression)
  return testOf(expression, type) === null ? routesOf(expression, type, type) : []
}

function firstKey(route: Route): string {
  const [first] = route.steps
  return route.from === 'item' && first?.kind === 'key' ? first.key : ''
}

const signatureOf = (def: SearchParameterDef, route: Route): string =>
  route.type === 'Resource' ? def.code : JSON.stringify([def.type, route.type, route.from, route.steps])

function onlyTargets(def: SearchParameterDef, convert: Visit): Visit {
  return (value, found, resource) => {
    if (def.targets.includes(value.resourceType as string)) convert(value, found, resource)
  }
}

/** Values of one component on the base element. */
type Component = (base: Json, resource: Json) => SearchValue[]

function compositeBranches(def: SearchParameterDef, base: Route, type: string): Branch[] {
  const parts = (def.components ?? []).map(({ code, expression }) => {
    const kind = searchParameters(type).get(code)?.type
    if (kind === undefined) throw new UnsupportedExpression(`component ${code} is no parameter of ${type}`)
    return { kind, routes: routesOf(parse(expression), base.type, type) }
  })
  const components = parts.map(({ kind, routes }) => component(kind, routes))
  const leaf: Visit = (element, found, resource) => {
    const values: SearchValue[][] = []
    for (const one of components) {
      const list = one(element, resource)
      if (list.length === 0) return
      values.push(list)
    }
    found.push({ kind: 'composite', components: values })
  }
  const visit = link(base, leaf)
  const signature = `${type}.${def.code}.${base.path}`
  if (base.steps.length > 0) return [{ key: firstKey(base), signature, visit }]
  // On the resource itself, looking at the other components can pay only when the last one, the value, is there. It has
  // several keys only where it is a choice, and of a choice only one can be there.
  const last = parts.at(-1)?.routes ?? []
  const sole = last.every(({ path }) => path === last[0]?.path)
  const keys = sole ? [...new Set(last.map(firstKey))] : ['']
  return keys.map((key) => ({ key, signature: signature + key, visit }))
}

function component(kind: SearchParameterType, routes: Route[]): Component {
  const visits = routes.flatMap((route) => {
    const convert = converter(kind, route.type)
    return convert === undefined ? [] : [link(route, convert)]
  })
  return (base, resource) => {
    const found: SearchValue[] = []
    for (const visit of visits) visit(base, found, resource)
    return found
  }
}

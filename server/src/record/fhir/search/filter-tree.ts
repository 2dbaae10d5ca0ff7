import type { Filter } from './search-request.ts'

/** A condition somewhere inside a filter, with the types of the resources it is about. */
export interface FilterNode {
  types: readonly string[]
  filter: Filter
}

/** Most filters are one parameter and its values. */
export function isPlain({ chain, has, logic }: Filter): boolean {
  return chain === undefined && has === undefined && logic === undefined
}

/** A filter and everything in it, outermost first. */
export function filterNodes(types: readonly string[], filter: Filter): FilterNode[] {
  const { chain, has, logic } = filter
  if (isPlain(filter)) return [{ types, filter }]
  return [
    { types, filter },
    ...(chain ? filterNodes(chain.types, chain.filter) : []),
    ...(has ? filterNodes([has.type], has.filter) : []),
    ...(logic ? logic.of.flatMap((one) => filterNodes(types, one)) : []),
  ]
}

/** Whether some part of the filter is about other resources than the one that is looked for. */
export function leadsElsewhere(filter: Filter): boolean {
  return (
    filter.chain !== undefined ||
    filter.has !== undefined ||
    (filter.logic?.of.some((one) => leadsElsewhere(one)) ?? false)
  )
}

/** `a and b` of a `_filter` are two filters: each is then looked at by itself. */
export function withoutAnd(filters: readonly Filter[]): Filter[] {
  return filters.flatMap((filter) => (filter.logic?.op === 'and' ? withoutAnd(filter.logic.of) : [filter]))
}

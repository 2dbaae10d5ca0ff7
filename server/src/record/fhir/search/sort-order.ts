import { parameterPlans } from './parameter-plan.ts'
import type { SortKey } from './search-request.ts'
import type { Order, OrderKey } from './store.ts'

/**
 * Newest first, by the type's promoted date and then by the order of arrival: the order in which a record is read, and
 * the one that the patient, code and date indexes give.
 */
export const DEFAULT_ORDER: Order = { keys: [{ on: 'lo', descending: true }], ridDescending: true }

/**
 * The order a type's rows are sorted by in SQL; undefined when a key is a sealed value, so that bodies must be opened.
 * `_id` is the order of arrival: ids of this server begin with it. https://hl7.org/fhir/R4/search.html#sort
 */
export function sortOrder(type: string, sort: readonly SortKey[]): Order | undefined {
  if (sort.length === 0) return DEFAULT_ORDER
  const keys: OrderKey[] = []
  for (const { code, descending } of sort) {
    if (code === '_id') return { keys, ridDescending: descending }
    const key = orderKey(type, code, descending)
    if (!key) return undefined
    keys.push(key)
  }
  return { keys, ridDescending: sort.at(-1)?.descending === true }
}

function orderKey(type: string, code: string, descending: boolean): OrderKey | undefined {
  if (code === '_lastUpdated') return { on: 'updated', descending }
  const plan = parameterPlans(type).get(code)
  if (!plan || plan.lifeDate || plan.derivedFrom) return undefined
  if (plan.promotedDate) return { on: 'lo', descending }
  if (plan.def.type === 'date') return { on: 'date', param: plan.def.id, descending }
  if (plan.def.type === 'number' || plan.def.type === 'quantity')
    return { on: 'number', param: plan.def.id, descending }
  return undefined
}

/** The same order from the end to the start. */
export function reversed({ keys, ridDescending }: Order): Order {
  return { keys: keys.map((key) => ({ ...key, descending: !key.descending })), ridDescending: !ridDescending }
}

import { int2Array, int4Array, int8Array, type Part, placeholders } from '#db'
import { OUTBOX_COLUMNS, outboxInsert } from './store.ts'

/** A resource was written (created, updated) or deleted. Pseudonymous: numbers only, never content. */
export interface OutboxEntry {
  tenant: number
  action: OutboxAction
  /** Type number of the resource. */
  type: number
  rid: number
  version: number
  /** Rid of the one patient it belongs to; 0 for none. */
  patient: number
}

/** What happened to the resource. */
export type OutboxAction = 'written' | 'deleted'

const ACTION_NUMBERS: Record<OutboxAction, number> = { written: 1, deleted: 2 }

/** The reverse of the number an action is stored as; undefined for a number of a newer Salus. */
export function outboxAction(number: number | null | undefined): OutboxAction | undefined {
  return number === 1 ? 'written' : number === 2 ? 'deleted' : undefined
}

/**
 * The part of a commit that leaves `entries` in the outbox as one row. `first` is the node's next entry number:
 * entries are numbered without gaps per node, so that a reader can tell that it has seen all. At least one entry.
 */
export function outboxPart(node: number, first: number, at: number, entries: readonly OutboxEntry[]): Part {
  return {
    name: 'events_outbox',
    text: (start) => outboxInsert(placeholders(start, OUTBOX_COLUMNS)),
    values: [
      node,
      first,
      entries.length,
      at,
      int4Array(entries.map((entry) => entry.tenant)),
      int2Array(entries.map((entry) => ACTION_NUMBERS[entry.action])),
      int2Array(entries.map((entry) => entry.type)),
      int8Array(entries.map((entry) => entry.rid)),
      int4Array(entries.map((entry) => entry.version)),
      int8Array(entries.map((entry) => entry.patient)),
    ],
  }
}

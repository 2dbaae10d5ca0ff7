import { locate } from '../rest/read.ts'
import { openRows } from '../store/open-row.ts'
import type { RecordStore } from '../store/record-store.ts'
import { versionRow } from '../store/store.ts'
import type { Caller } from '../store/write-request.ts'
import type { OpenedRow } from './referred-rows.ts'

/**
 * A version of a resource, the current one when none is named; undefined when there is none, it was deleted then, or the
 * patient was erased. Faults `fhir.forbidden`, `fhir.type-unknown`.
 */
export async function storedVersion(
  store: RecordStore,
  caller: Caller,
  { type, id, version }: { type: string; id: string; version?: number | undefined },
): Promise<OpenedRow | undefined> {
  const key = await locate(store, caller, type, id)
  const row = key && (version === undefined ? await store.current(key) : await versionRow(store.database, key, version))
  if (!row || row.deleted) return undefined
  const [body] = await openRows(store, [row])
  return body && { row, body }
}

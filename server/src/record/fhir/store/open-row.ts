import { type Fault, raise } from '#kernel'
import type { DataKey, PatientKey } from '#vault'
import type { RecordStore } from './record-store.ts'
import type { StoredRow } from './rows.ts'

/**
 * Open stored versions: the serialised JSON of each, in order; undefined for a row whose patient's key was shredded, and for
 * the tombstone that an erasure left, which has no body.
 * Keys of all patients of one call are fetched together, except those of `ahead`, which were asked for a moment ago. Fault
 * `fhir.store.rows-too-large` when the bodies have more than `bytesMax`.
 */
export async function openRows(
  store: RecordStore,
  rows: readonly StoredRow[],
  {
    bytesMax = Number.POSITIVE_INFINITY,
    ahead,
  }: { bytesMax?: number; ahead?: { keys: Promise<ReadonlyMap<number, PatientKey>>; asked: number } } = {},
): Promise<(Buffer | undefined)[]> {
  const tenant = rows[0]?.tenant
  if (tenant === undefined) return []
  const known = ahead && store.clock.monotonic() - ahead.asked <= AHEAD_MS_MAX ? await ahead.keys : undefined
  const patients = [...new Set(rows.map((row) => row.patient))].filter(
    (patient) => patient !== 0 && !known?.has(patient),
  )
  const fetched = patients.length > 0 ? await store.vault.patientKeys(tenant, patients) : undefined
  let bytes = 0
  return rows.map((row) => {
    const key: DataKey | undefined =
      row.patient === 0 ? store.vault.tenantKey(tenant) : (known?.get(row.patient) ?? fetched?.get(row.patient))
    const body = key && row.sealed.length > 0 ? store.vault.open(key, row, row.sealed) : undefined
    bytes += body?.length ?? 0
    if (bytes > bytesMax) raise(TOO_LARGE)
    return body
  })
}

/** Keys older than this are fetched again: after a long search a patient may have been erased meanwhile. */
const AHEAD_MS_MAX = 200

const TOO_LARGE: Fault = {
  category: 'too-costly',
  code: 'fhir.store.rows-too-large',
  message: 'The resources of this page are too large for one answer. Ask for smaller pages with _count.',
}

/** Open one version; a shredded patient answers exactly like a resource that never existed. */
export async function openRow(store: RecordStore, row: StoredRow): Promise<Buffer> {
  const [body] = await openRows(store, [row])
  return body ?? raise({ category: 'not-found', code: 'fhir.store.not-found', message: 'There is no such resource.' })
}

import { compartmentParams, isResourceType, typeName, typeNumber } from '@salus/fhir-model'
import { openRows } from '../store/open-row.ts'
import { PAGE_OPENED_BYTES_MAX, rowsWithin } from '../store/page-bytes.ts'
import type { RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import type { StoredRow } from '../store/rows.ts'
import type { Caller } from '../store/write-request.ts'

/** A version and its serialised resource. */
export interface OpenedRow {
  row: StoredRow
  body: Buffer
}

/** Steps from reference to reference: a practitioner's role leads to the practitioner, that to a qualification's issuer. */
const HOPS_MAX = 3

interface Wanted {
  store: RecordStore
  caller: Caller
  fhirBase: string
  /** The patients that the answer is about: of others nothing is drawn in. */
  patients: ReadonlySet<number>
  /** Resources drawn in at most. */
  max: number
  /** Sealed bytes they may have together. */
  bytesMax: number
  /** Of what is drawn in only this is kept. */
  keep?(row: StoredRow): boolean
  /** What the answer holds by itself, on this page or on another. */
  isThere?(one: OpenedRow): boolean
}

/**
 * What resources refer to, directly or by way of what they refer to, each once and none of `from`: practitioners,
 * organizations, locations, medications and the like. Left out are types the caller may not read, whatever belongs to another
 * patient, and what other patients share (a Group). `isCut`: there was more than `max`, or than the bytes.
 */
export async function referredRows(
  from: readonly OpenedRow[],
  wanted: Wanted,
): Promise<{ found: OpenedRow[]; isCut: boolean }> {
  const { store, caller, fhirBase } = wanted
  const seen = new Set(from.map(({ row }) => row.rid))
  const found: OpenedRow[] = []
  let bytes = 0
  let isCut = false
  let edge: readonly OpenedRow[] = from
  for (let hop = 0; hop < HOPS_MAX && edge.length > 0 && !isCut; hop++) {
    const named = new Map<string, { type: string; id: string }>()
    for (const { body } of edge) {
      for (const one of referencesIn(body, fhirBase))
        if (mayShow(caller, one.type)) named.set(`${one.type}/${one.id}`, one)
      // A turn for others: bodies of a page may have hundreds of megabytes together.
      await new Promise<void>((next) => setImmediate(next))
    }
    const rows = (await currentRowsOf(store, caller.tenant, [...named.values()])).filter(
      (row) => !seen.has(row.rid) && isOfThese(row, wanted.patients),
    )
    for (const row of rows) seen.add(row.rid)
    const room = rows.slice(0, wanted.max - found.length)
    const held = room.slice(0, rowsWithin(room, wanted.bytesMax - bytes))
    isCut = held.length < rows.length
    bytes += held.reduce((sum, row) => sum + row.sealed.length, 0)
    edge = (await openedRows(store, held)).filter((one) => wanted.isThere?.(one) !== true)
    found.push(...edge.filter(({ row }) => wanted.keep?.(row) !== false))
  }
  return { found, isCut }
}

/** Open rows; those whose patient was erased are left out. Fault `fhir.store.rows-too-large`. */
export async function openedRows(store: RecordStore, rows: readonly StoredRow[]): Promise<OpenedRow[]> {
  const bodies = await openRows(store, rows, { bytesMax: PAGE_OPENED_BYTES_MAX })
  return rows.flatMap((row, index) => {
    const body = bodies[index]
    return body ? [{ row, body }] : []
  })
}

/** The current versions of local resources, in the order named; those that are not there are left out. */
export async function currentRowsOf(
  store: RecordStore,
  tenant: number,
  named: readonly { type: string; id: string }[],
): Promise<StoredRow[]> {
  const ids = new ResolvedIds(store, tenant)
  await ids.resolve(named, { create: false })
  const rows = await Promise.all(
    named.map(async ({ type, id }) => {
      const rid = ids.rid(type, id)
      return rid === undefined ? undefined : store.current({ tenant, type: typeNumber(type) as number, rid })
    }),
  )
  return rows.filter((row) => row !== undefined)
}

/**
 * Local references in a serialised resource. Inside a JSON string a quotation mark is escaped, so text that looks like a
 * reference is none; stored bodies have no blanks between their tokens.
 */
export function referencesIn(body: Buffer, fhirBase: string): { type: string; id: string }[] {
  const found: { type: string; id: string }[] = []
  for (const [, literal = ''] of body.toString().matchAll(/"reference":"([^"\\]{3,2048})"/g)) {
    const local = localOf(literal, fhirBase)
    if (local) found.push(local)
  }
  return found
}

const LOCAL = /^([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/** Type and id of a literal reference to this server; undefined for any other. */
export function localOf(literal: string, fhirBase: string): { type: string; id: string } | undefined {
  const relative = literal.startsWith(`${fhirBase}/`) ? literal.slice(fhirBase.length + 1) : literal
  const [, type = '', id = ''] = LOCAL.exec(relative) ?? []
  return isResourceType(type) ? { type, id } : undefined
}

function mayShow(caller: Caller, type: string): boolean {
  return type !== 'AuditEvent' && caller.scopes.allows(type, 'r')
}

/** Of these patients, or of none at all; what several patients share is not told from what is of none but by its type. */
function isOfThese(row: StoredRow, patients: ReadonlySet<number>): boolean {
  if (row.patient !== 0) return patients.has(row.patient)
  return compartmentParams('Patient', typeName(row.type) ?? '').length === 0
}

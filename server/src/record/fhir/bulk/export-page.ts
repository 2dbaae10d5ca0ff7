import { compartmentParams, extractSearchValues } from '@salus/fhir-model'
import { eventLoopTurns } from '#kernel'
import { compileSearch } from '../search/compile-search.ts'
import { storedRow } from '../search/fetch-rows.ts'
import type { SearchDeps, Searcher } from '../search/index.ts'
import { localReference } from '../search/local-reference.ts'
import { and, not, type Predicate } from '../search/predicate.ts'
import type { PreparedType } from '../search/prepare-search.ts'
import type { RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import type { StoredRow } from '../store/rows.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import type { TypeFilter } from './export-filters.ts'
import { compartmentReferences, type ExportRequest, type Walk } from './export-plan.ts'
import { connectedWith, replacedSince, type UpdatedPlace, type Whose, withinBytes } from './walk/store.ts'

export interface PageDependencies {
  store: RecordStore
  /** Its statements run in the fair share of bulk jobs. */
  search: SearchDeps
}

export interface ExportedPage {
  rows: StoredRow[]
  bodies: Buffer[]
  /** Where the next page of the walk begins; undefined at its end. */
  next: UpdatedPlace | undefined
}

export const START: UpdatedPlace = { updated: -1, rid: 0 }

/**
 * The next page of a walk: what was current at `request.at`, each resource on exactly one page, however often it is written
 * meanwhile. It ends at `BULK_LIMITS.pageBytesMax` opened bytes, one resource at least, whatever is stored.
 *
 * First the rows that are still current, then those of the same stretch that were replaced since: a version that is replaced
 * between the two statements is found by both and counted once, and none is missed.
 */
export async function exportPage(
  dependencies: PageDependencies,
  searcher: Searcher,
  work: { request: ExportRequest; walk: Walk; filter: TypeFilter; after: UpdatedPlace },
): Promise<ExportedPage> {
  const { request, walk, filter, after } = work
  const { tenant } = searcher
  const current = await currentRows(dependencies, searcher, work)
  const end: UpdatedPlace = { updated: request.at, rid: Number.MAX_SAFE_INTEGER }
  let until = isCut(current) ? placeOf(current.at(-1) as StoredRow) : end
  const replaced = await replacedSince(dependencies.search.database, {
    tenant,
    type: walk.number,
    whose: walk.whose,
    at: request.at,
    after,
    until,
    limit: BULK_LIMITS.pageRowsMax,
    bytesMax: BULK_LIMITS.pageSealedBytesMax,
  })
  if (isCut(replaced)) until = placeOf(replaced.at(-1) as StoredRow)
  const past = new Set(replaced.map(({ rid }) => rid))
  const rows = [...current.filter((row) => !past.has(row.rid) && !isAfter(row, until)), ...replaced].sort(
    (a, b) => a.updated - b.updated || a.rid - b.rid,
  )
  const opened = await openWithin(dependencies.store, rows)
  const next = opened.next ?? (until === end ? undefined : until)
  const kept: Omit<ExportedPage, 'next'> = { rows: [], bodies: [] }
  const isWanted = await wanted(dependencies, searcher, work, opened)
  const turn = eventLoopTurns(dependencies.store.clock)
  for (const [index, row] of opened.rows.entries()) {
    await turn()
    const body = opened.bodies[index]
    if (!body || !isInTime(row, request) || !isWanted(row)) continue
    const test = past.has(row.rid) ? filter.matches : filter.exact ? undefined : filter.verified
    if (test && !test(JSON.parse(body.toString()) as object)) continue
    kept.rows.push(row)
    kept.bodies.push(body)
  }
  return { ...kept, next }
}

/** Rows that are current now and were at `request.at`, from the row source of each search. */
async function currentRows(
  { search }: PageDependencies,
  searcher: Searcher,
  { request, walk, filter, after }: { request: ExportRequest; walk: Walk; filter: TypeFilter; after: UpdatedPlace },
): Promise<StoredRow[]> {
  const stored: Predicate = { op: 'updated', prefix: 'le', lo: request.at, hi: request.at }
  const { since } = request
  const prepared: PreparedType = {
    type: walk.type,
    number: walk.number,
    predicate: and([
      stored,
      ...(since === undefined ? [] : [{ op: 'updated', prefix: 'gt', lo: since, hi: since } as const]),
      ...whosePredicate(walk.whose),
      filter.predicate,
    ]),
    verify: [],
    order: { keys: [{ on: 'updated', descending: false }], ridDescending: false },
  }
  const page = { after: { keys: [after.updated], rid: after.rid }, limit: BULK_LIMITS.pageRowsMax }
  const { statement, values } = compileSearch([prepared], searcher, page, search.names)
  const text = withinBytes(statement.text, BULK_LIMITS.pageSealedBytesMax)
  const rows = await search.database.query({ text }, values)
  return rows.map((row) => storedRow(row, searcher.tenant))
}

function whosePredicate(whose: Whose): Predicate[] {
  const nobody: Predicate = { op: 'patient', rids: [0] }
  switch (whose.of) {
    case 'all':
      return []
    case 'owned':
      return [not(nobody)]
    case 'shared':
      return [nobody]
    case 'patients':
      return [{ op: 'patient', rids: [...whose.patients] }]
  }
}

/** Whether there may be more: a statement ends after its rows or after its bytes. */
function isCut(rows: readonly StoredRow[]): boolean {
  const bytes = rows.reduce((sum, { sealed }) => sum + sealed.length, 0)
  return rows.length >= BULK_LIMITS.pageRowsMax || bytes >= BULK_LIMITS.pageSealedBytesMax
}

export function placeOf({ updated, rid }: StoredRow): UpdatedPlace {
  return { updated, rid }
}

function isAfter(row: StoredRow, place: UpdatedPlace): boolean {
  return row.updated > place.updated || (row.updated === place.updated && row.rid > place.rid)
}

function isInTime({ updated }: StoredRow, { since, before }: ExportRequest): boolean {
  return (since === undefined || updated > since) && (before === undefined || updated < before)
}

/** Open rows one by one until the page is full: a small sealed body may be a large one. */
export async function openWithin(
  store: Pick<RecordStore, 'vault' | 'clock'>,
  rows: readonly StoredRow[],
  bytesMax: number = BULK_LIMITS.pageBytesMax,
): Promise<{ rows: StoredRow[]; bodies: (Buffer | undefined)[]; next: UpdatedPlace | undefined }> {
  const [first] = rows
  if (!first) return { rows: [], bodies: [], next: undefined }
  const turn = eventLoopTurns(store.clock)
  const patients = [...new Set(rows.flatMap(({ patient }) => (patient === 0 ? [] : [patient])))]
  const keys = patients.length > 0 ? await store.vault.patientKeys(first.tenant, patients) : new Map<number, never>()
  const bodies: (Buffer | undefined)[] = []
  let bytes = 0
  for (const [index, row] of rows.entries()) {
    const key = row.patient === 0 ? store.vault.tenantKey(row.tenant) : keys.get(row.patient)
    // An erased patient's resource opens to nothing, and is passed over.
    const body = key && row.sealed.length > 0 ? store.vault.open(key, row, row.sealed) : undefined
    if (index > 0 && bytes + (body?.length ?? 0) > bytesMax)
      return { rows: rows.slice(0, index), bodies, next: placeOf(rows[index - 1] as StoredRow) }
    bytes += body?.length ?? 0
    bodies.push(body)
    await turn()
  }
  return { rows: [...rows], bodies, next: undefined }
}

interface Opened {
  rows: readonly StoredRow[]
  bodies: readonly (Buffer | undefined)[]
}

/** Which rows belong to the export, as far as the owner of a resource does not say it. */
async function wanted(
  dependencies: PageDependencies,
  searcher: Searcher,
  { request, walk }: { request: ExportRequest; walk: Walk },
  { rows, bodies }: Opened,
): Promise<(row: StoredRow) => boolean> {
  if (rows.length === 0) return () => true
  const of = { tenant: searcher.tenant, rids: rows.map(({ rid }) => rid), patients: request.patients }
  const { database } = dependencies.search
  if (walk.referred) {
    references ??= compartmentReferences()
    const found = await connectedWith(database, { ...of, by: references })
    return ({ rid }) => found.has(rid)
  }
  if (walk.whose.of !== 'shared') return () => true
  // A Provenance goes with what it tells of.
  const targeting = walk.type === 'Provenance' ? await connectedWith(database, { ...of, by: 'from' }) : undefined
  const shared = await sharedRows(dependencies, searcher, { request, walk }, { rows, bodies })
  return ({ rid }) => shared.has(rid) || targeting?.has(rid) === true
}

let references: ReturnType<typeof compartmentReferences> | undefined

/**
 * Resources of no single patient that are in the compartment of a wanted one; where the client listed the patients, of no
 * other besides.
 */
async function sharedRows(
  { store, search }: PageDependencies,
  searcher: Searcher,
  { request, walk }: { request: ExportRequest; walk: Walk },
  { rows, bodies }: Opened,
): Promise<Set<number>> {
  const turn = eventLoopTurns(store.clock)
  const idsOf = new Map<number, string[]>()
  for (const [index, row] of rows.entries()) {
    const body = bodies[index]
    if (body) idsOf.set(row.rid, compartmentPatients(walk.type, JSON.parse(body.toString()) as object, search.base))
    await turn()
  }
  const resolved = new ResolvedIds(store, searcher.tenant)
  const ids = [...new Set([...idsOf.values()].flat())]
  await resolved.resolve(
    ids.map((id) => ({ type: 'Patient', id })),
    { create: false },
  )
  const listed = request.patients && new Set(request.patients)
  const isListed = (id: string): boolean => {
    const rid = resolved.rid('Patient', id)
    return rid !== undefined && (listed === undefined || listed.has(rid))
  }
  const shared = [...idsOf].filter(([, of]) =>
    request.allOfThem ? of.length > 0 && of.every(isListed) : of.some(isListed),
  )
  return new Set(shared.map(([rid]) => rid))
}

/** Ids of the patients whose compartment a resource is in. http://hl7.org/fhir/R4/compartmentdefinition-patient.html */
function compartmentPatients(type: string, resource: object, base: string | undefined): string[] {
  const params = new Set(compartmentParams('Patient', type))
  const ids = new Set<string>()
  for (const [def, values] of extractSearchValues(resource)) {
    if (!params.has(def.code)) continue
    for (const value of values) {
      const target = value.kind === 'reference' ? localReference(value, base) : undefined
      if (target?.type === 'Patient') ids.add(target.id)
    }
  }
  return [...ids]
}

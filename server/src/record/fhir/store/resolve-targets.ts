import { typeNumber } from '@salus/fhir-model'
import { assert, type Fault, raise } from '#kernel'
import { atPlace } from './at-place.ts'
import type { Conditions } from './conditions.ts'
import { openRow } from './open-row.ts'
import type { RecordStore } from './record-store.ts'
import { ResolvedIds } from './resolve-ids.ts'
import type { RowKey, StoredRow } from './rows.ts'
import { tombstones } from './store.ts'
import type { Caller, Target, WriteOutcome, WriteRequest } from './write-request.ts'

/**
 * What each request is aimed at, as the record stands now: the current version, a tombstone, or nothing.
 * `If-Match`, `If-None-Match` and conditions are judged here. Ids that nobody named before get their alias in `ids`.
 */
export async function resolveTargets(
  store: RecordStore,
  caller: Caller,
  requests: readonly WriteRequest[],
  conditions: Conditions,
): Promise<{ targets: Target[]; ids: ResolvedIds }> {
  // Plain creates aim at nothing that exists: the most frequent write asks the database nothing here.
  if (requests.every((request) => request.action === 'create' && request.condition === undefined))
    return { targets: requests.map(() => ({ expected: 0, latest: 0 })), ids: new ResolvedIds(store, caller.tenant) }
  const matches = await Promise.all(
    requests.map(async (request) => {
      const { type, condition } = request
      return condition === undefined ? undefined : atPlace(request, () => conditions.match(type, condition))
    }),
  )
  const named = requests.flatMap((request, index) => {
    const id =
      request.id ?? (matches[index]?.matched === 0 && request.action === 'update' ? request.resource?.id : undefined)
    return id === undefined ? [] : [{ type: request.type, id }]
  })
  const ids = new ResolvedIds(store, caller.tenant)
  await ids.resolve(named, { create: requests.some((request) => request.action === 'update') })
  const rids = requests.map((request, index) => {
    const matched = matches[index]?.matched
    if (matched) return matched
    const id = request.id ?? (request.action === 'update' ? request.resource?.id : undefined)
    return request.action === 'create' || id === undefined ? undefined : ids.rid(request.type, id)
  })
  const keys = requests.map((request, index) => keyOf(caller.tenant, request.type, rids[index]))
  const current = await Promise.all(keys.map(async (key) => key && store.current(key)))
  const gone = await tombstonesOf(store, keys, current)
  const targets = await Promise.all(
    requests.map((request, index) =>
      atPlace(request, () =>
        judge(store, request, {
          rid: rids[index],
          current: current[index],
          gone: gone[index],
          matched: matches[index]?.matched,
        }),
      ),
    ),
  )
  return { targets, ids }
}

function keyOf(tenant: number, type: string, rid: number | undefined): RowKey | undefined {
  const number = typeNumber(type)
  assert(number !== undefined, 'the type of a write request is known')
  return rid === undefined ? undefined : { tenant, type: number, rid }
}

async function tombstonesOf(
  store: RecordStore,
  keys: readonly (RowKey | undefined)[],
  current: readonly (StoredRow | undefined)[],
): Promise<(StoredRow | undefined)[]> {
  const missing = keys.flatMap((key, index) => (key && !current[index] ? [key] : []))
  if (missing.length === 0) return []
  const found = await tombstones(store.database, missing)
  const byRid = new Map(missing.map((key, index) => [key.rid, found[index]]))
  return keys.map((key) => key && byRid.get(key.rid))
}

interface Found {
  rid: number | undefined
  current: StoredRow | undefined
  gone: StoredRow | undefined
  /** rid of the condition's one match, 0 for none; undefined when there is no condition. */
  matched: number | undefined
}

async function judge(store: RecordStore, request: WriteRequest, found: Found): Promise<Target> {
  const { current, gone, rid } = found
  if (request.ifMatch !== undefined && request.ifMatch !== (current?.version ?? 0)) raise(VERSION_DIFFERS)
  if (request.onlyIfAbsent && current) raise(ALREADY_THERE)
  const target: Target = {
    ...(rid === undefined ? {} : { rid }),
    expected: current?.version ?? 0,
    ...(current ? { patient: current.patient } : {}),
    latest: current?.version ?? gone?.version ?? 0,
    latestAt: current?.updated ?? gone?.updated ?? 0,
  }
  if (request.action === 'create')
    return current ? { ...target, settled: await existing(store, request.type, current) } : target
  if (request.action === 'patch' && !current) raise(gone && !isErased(gone) ? GONE : NOT_FOUND)
  if (request.action === 'delete' && !current)
    return {
      ...target,
      settled: {
        status: 204,
        type: request.type,
        id: request.id ?? '',
        version: gone && !isErased(gone) ? gone.version : 0,
        updated: gone && !isErased(gone) ? gone.updated : 0,
      },
    }
  if (request.action === 'update' && found.matched === 0 && current) raise(ID_TAKEN)
  if (found.matched !== undefined && current) {
    // Found by a condition: its id may be one that a client chose, which its number does not tell.
    const id = idOf(await openRow(store, current))
    if (request.action === 'update' && request.resource?.id !== undefined && request.resource.id !== id)
      raise(ID_DIFFERS)
    return { ...target, id }
  }
  return request.id === undefined ? target : { ...target, id: request.id }
}

/** The tombstone of an erasure has no body: to clients it is as if the resource had never been. */
function isErased(tombstone: StoredRow): boolean {
  return tombstone.sealed.length === 0
}

/** A conditional create that found its resource answers with it. */
async function existing(store: RecordStore, type: string, row: StoredRow): Promise<WriteOutcome> {
  const body = await openRow(store, row)
  const { rid, version, patient } = row
  const found = { type: row.type, rid, version, patient }
  return { status: 200, type, id: idOf(body), version, updated: row.updated, body, found }
}

/** Stored bodies begin with `{"resourceType":"...","id":"..."`, so the id is found without parsing. */
export function idOf(body: Buffer): string {
  const start = body.indexOf('"id":"') + 6
  return body.toString('latin1', start, body.indexOf('"', start))
}

const VERSION_DIFFERS: Fault = {
  category: 'precondition',
  code: 'fhir.write.version-differs',
  message: 'The resource has another version than If-Match names. Read it again, apply your change and retry.',
}
const ALREADY_THERE: Fault = {
  category: 'precondition',
  code: 'fhir.write.already-there',
  message: 'If-None-Match: * was asked and the resource exists already.',
}
const ID_DIFFERS: Fault = {
  category: 'invalid',
  code: 'fhir.write.id-differs',
  message: 'The id in the resource is not the id of the resource that the request names. Send the same id, or none.',
}
const ID_TAKEN: Fault = {
  category: 'conflict',
  code: 'fhir.write.id-taken',
  message:
    'Nothing matches the condition, and another resource has the id in the body already. Send another id, or none.',
}
export const NOT_FOUND: Fault = {
  category: 'not-found',
  code: 'fhir.store.not-found',
  message: 'There is no such resource.',
}
export const GONE: Fault = {
  category: 'gone',
  code: 'fhir.store.deleted',
  message: 'The resource was deleted. Its history is still there, unless its patient was erased.',
}

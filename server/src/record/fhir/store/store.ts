import type { Composer } from '#audit'
import { byteaArray, type Database, float8Array, int2Array, int4Array, int8Array, type Part, placeholders } from '#db'
import type { KeyJoin, WrappedKey } from '#vault'
import { parametersPart, readyPart } from '../parameters/store.ts'
import { jobsPart } from '../reindex/store.ts'
import {
  type AliasRow,
  type DeletedRow,
  type ResourceRow,
  type RowKey,
  type StoredRow,
  storedRow,
  type WriteRows,
} from './rows.ts'

const KEY_CASTS = ['int[]', 'smallint[]', 'bigint[]'] as const

/** All rows of the units that share a commit, one statement part per table that has any. */
export const recordComposer: Composer<WriteRows> = {
  parts(units) {
    const all = <K extends keyof WriteRows>(table: K): WriteRows[K] =>
      (units.length === 1 ? units[0]?.[table] : units.flatMap((unit) => unit[table] as unknown[])) as WriteRows[K]
    const created = all('created')
    const updated = all('updated')
    const deleted = all('deleted')
    const replaced: (RowKey & { expected: number })[] = [...updated, ...deleted]
    const parts: Part[] = []
    if (created.length > 0) parts.push(insertPart(created))
    const reindexed = all('reindexed')
    if (replaced.length > 0) parts.push(...replacePart(replaced))
    if (reindexed.length > 0) parts.push(reindexPart(reindexed))
    if (replaced.length + reindexed.length > 0) parts.push(...clearParts([...replaced, ...reindexed]))
    if (updated.length > 0) parts.push(updatePart(updated))
    if (deleted.length > 0) parts.push(...deleteParts(deleted))
    parts.push(
      ...indexParts({
        aliases: all('aliases'),
        codes: all('codes'),
        references: all('references'),
        dates: all('dates'),
        quantities: all('quantities'),
      }),
    )
    const parameters = all('parameters')
    if (parameters.length > 0) parts.push(parametersPart(parameters))
    const jobs = all('jobs')
    if (jobs.length > 0) parts.push(...jobParts(jobs))
    return parts
  },
}

/** Where jobs stand; with the end of one its search parameters are ready. */
function jobParts(jobs: WriteRows['jobs']): Part[] {
  const ready = jobs
    .filter(({ state }) => state === 'done')
    .flatMap(({ tenant, numbers, changed }) => numbers.map((number) => ({ tenant, number, changed })))
  return [jobsPart(jobs), ...(ready.length > 0 ? [readyPart(ready)] : [])]
}

const RESOURCE_COLUMNS =
  'rid, patient, updated, lo, hi, code, present, tenant, version, type, first_token, token_count, sealed, expected'
const RESOURCE_CASTS = [
  'bigint[]',
  'bigint[]',
  'bigint[]',
  'bigint[]',
  'bigint[]',
  'bigint[]',
  'bigint[]',
  'int[]',
  'int[]',
  'smallint[]',
  'int[]',
  'int[]',
  'bytea[]',
  'int[]',
  'bigint[]',
] as const // prettier-ignore

/** Rows as one array per column. Token lists travel flat as the last parameter and are sliced again by position. */
function resourceValues(rows: ResourceRow[]): unknown[] {
  const firstToken: number[] = []
  let tokens = 0
  const tokenCount = rows.map((row) => row.tokens.length / 8)
  for (const count of tokenCount) {
    firstToken.push(tokens + 1)
    tokens += count
  }
  return [
    int8Array(rows.map((row) => row.rid)),
    int8Array(rows.map((row) => row.patient)),
    int8Array(rows.map((row) => row.updated)),
    int8Array(rows.map((row) => row.lo)),
    int8Array(rows.map((row) => row.hi)),
    int8Array(rows.map((row) => row.code)),
    int8Array(rows.map((row) => row.present)),
    int4Array(rows.map((row) => row.tenant)),
    int4Array(rows.map((row) => row.version)),
    int2Array(rows.map((row) => row.type)),
    int4Array(firstToken),
    int4Array(tokenCount),
    byteaArray(rows.map((row) => row.sealed)),
    int4Array(rows.map((row) => row.expected)),
    int8Array(rows.length === 1 ? (rows[0]?.tokens as Buffer) : Buffer.concat(rows.map((row) => row.tokens))),
  ]
}

/** `unnest` of all but the last parameter, which is the flat token array. */
function resourceRows(first: number): string {
  return `unnest(${placeholders(first, RESOURCE_CASTS.slice(0, -1))}) u(${RESOURCE_COLUMNS})`
}

function tokenSlice(first: number): string {
  return `($${first + RESOURCE_CASTS.length - 1}::bigint[])[u.first_token : u.first_token + u.token_count - 1]`
}

/** The search columns of current versions anew. A version that was replaced meanwhile fails the unit. */
function reindexPart(rows: ResourceRow[]): Part {
  return {
    name: 'reindexed',
    text: (first) => `update record.resource r set lo = u.lo, hi = u.hi, code = u.code, present = u.present,
      tokens = ${tokenSlice(first)} from ${resourceRows(first)}
      where r.tenant = u.tenant and r.type = u.type and r.rid = u.rid and r.version = u.expected returning 1`,
    values: resourceValues(rows),
    check: (first) => `record.guard(cardinality($${first}::bigint[]), (select count(*) from reindexed))`,
  }
}

function insertPart(rows: ResourceRow[]): Part {
  return {
    name: 'created',
    text: (
      first,
    ) => `insert into record.resource (rid, patient, updated, lo, hi, code, present, tenant, version, type, tokens, sealed)
      select u.rid, u.patient, u.updated, u.lo, u.hi, u.code, u.present, u.tenant, u.version, u.type, ${tokenSlice(first)}, u.sealed from ${resourceRows(first)}`,
    values: resourceValues(rows),
  }
}

function updatePart(rows: ResourceRow[]): Part {
  return {
    name: 'updated',
    text: (
      first,
    ) => `update record.resource r set patient = u.patient, updated = u.updated, lo = u.lo, hi = u.hi, code = u.code,
      present = u.present, version = u.version, tokens = ${tokenSlice(first)}, sealed = u.sealed from ${resourceRows(first)}
      where r.tenant = u.tenant and r.type = u.type and r.rid = u.rid and r.version = u.expected returning 1`,
    values: resourceValues(rows),
    check: (first) => `record.guard(cardinality($${first}::bigint[]), (select count(*) from updated))`,
  }
}

const REPLACED_CASTS = [...KEY_CASTS, 'int[]'] as const

/** The versions that are about to be replaced move into the history. */
function replacePart(rows: (RowKey & { expected: number })[]): Part[] {
  return [
    {
      name: 'replaced',
      text: (first) => `insert into record.history (rid, patient, updated, tenant, version, type, deleted, sealed)
        select r.rid, r.patient, r.updated, r.tenant, r.version, r.type, false, r.sealed
        from unnest(${placeholders(first, REPLACED_CASTS)}) u(tenant, type, rid, expected)
        join record.resource r on r.tenant = u.tenant and r.type = u.type and r.rid = u.rid and r.version = u.expected returning 1`,
      values: [...keyValues(rows), int4Array(rows.map((row) => row.expected))],
      check: (first) => `record.guard(cardinality($${first + 2}::bigint[]), (select count(*) from replaced))`,
    },
  ]
}

function deleteParts(rows: DeletedRow[]): Part[] {
  const keys = [...keyValues(rows), int4Array(rows.map((row) => row.expected))]
  return [
    {
      name: 'deleted',
      text: (
        first,
      ) => `delete from record.resource r using unnest(${placeholders(first, REPLACED_CASTS)}) u(tenant, type, rid, expected)
        where r.tenant = u.tenant and r.type = u.type and r.rid = u.rid and r.version = u.expected returning 1`,
      values: keys,
      check: (first) => `record.guard(cardinality($${first + 2}::bigint[]), (select count(*) from deleted))`,
    },
    {
      name: 'tombstones',
      text: (first) => `insert into record.history (rid, patient, updated, tenant, version, type, deleted, sealed)
        select u.rid, u.patient, u.updated, u.tenant, u.expected + 1, u.type, true, u.sealed
        from unnest(${placeholders(first, [...REPLACED_CASTS, 'bigint[]', 'bigint[]', 'bytea[]'])}) u(tenant, type, rid, expected, patient, updated, sealed)`,
      values: [
        ...keys,
        int8Array(rows.map((row) => row.patient)),
        int8Array(rows.map((row) => row.updated)),
        byteaArray(rows.map((row) => row.sealed)),
      ],
    },
  ]
}

/** Index rows of what is replaced go; the statement's own new rows are not visible to these deletes. */
function clearParts(rows: RowKey[]): Part[] {
  const bySource = (table: string): Part => ({
    name: `clear_${table}`,
    text: (
      first,
    ) => `delete from record.${table} x using unnest(${placeholders(first, ['int[]', 'bigint[]'])}) u(tenant, rid)
      where x.tenant = u.tenant and x.src = u.rid`,
    values: [int4Array(rows.map((row) => row.tenant)), int8Array(rows.map((row) => row.rid))],
  })
  return [
    bySource('reference'),
    bySource('date'),
    bySource('quantity'),
    {
      name: 'clear_code',
      text: (first) => `delete from record.code x using unnest(${placeholders(first, KEY_CASTS)}) u(tenant, type, rid)
        where x.tenant = u.tenant and x.type = u.type and x.rid = u.rid`,
      values: keyValues(rows),
    },
  ]
}

/** Index rows of resources and the ids they name for the first time; no part for a table that gets none. */
function indexParts(rows: Pick<WriteRows, 'aliases' | 'codes' | 'references' | 'dates' | 'quantities'>): Part[] {
  const parts: Part[] = []
  const insert = (table: string, columns: string, casts: readonly string[], values: () => unknown[]): void => {
    parts.push({
      name: `into_${table}`,
      text: (first) => `insert into record.${table} (${columns}) select * from unnest(${placeholders(first, casts)})`,
      values: values(),
    })
  }
  const { aliases, codes, references, dates, quantities } = rows
  if (aliases.length > 0)
    insert('alias', 'tenant, type, token, rid', ['int[]', 'smallint[]', 'bigint[]', 'bigint[]'], () =>
      aliasValues(aliases),
    )
  if (codes.length > 0)
    insert('code', 'tenant, type, rid, patient, code, lo', [...KEY_CASTS, 'bigint[]', 'bigint[]', 'bigint[]'], () => [
      ...keyValues(codes),
      int8Array(codes.map((row) => row.patient)),
      int8Array(codes.map((row) => row.code)),
      int8Array(codes.map((row) => row.lo)),
    ])
  if (references.length > 0)
    insert(
      'reference',
      'tenant, src, target, param, target_type',
      ['int[]', 'bigint[]', 'bigint[]', 'smallint[]', 'smallint[]'],
      () => [
        int4Array(references.map((row) => row.tenant)),
        int8Array(references.map((row) => row.src)),
        int8Array(references.map((row) => row.target)),
        int2Array(references.map((row) => row.param)),
        int2Array(references.map((row) => row.targetType)),
      ],
    )
  if (dates.length > 0)
    insert('date', 'tenant, src, lo, hi, param', ['int[]', 'bigint[]', 'bigint[]', 'bigint[]', 'smallint[]'], () => [
      int4Array(dates.map((row) => row.tenant)),
      int8Array(dates.map((row) => row.src)),
      int8Array(dates.map((row) => row.lo)),
      int8Array(dates.map((row) => row.hi)),
      int2Array(dates.map((row) => row.param)),
    ])
  if (quantities.length > 0)
    insert(
      'quantity',
      'tenant, src, unit, value, canon, param',
      ['int[]', 'bigint[]', 'bigint[]', 'float8[]', 'float8[]', 'smallint[]'],
      () => [
        int4Array(quantities.map((row) => row.tenant)),
        int8Array(quantities.map((row) => row.src)),
        int8Array(quantities.map((row) => row.unit)),
        float8Array(quantities.map((row) => row.value)),
        float8Array(quantities.map((row) => row.canon)),
        int2Array(quantities.map((row) => row.param)),
      ],
    )
  return parts
}

function aliasValues(rows: AliasRow[]): unknown[] {
  return [
    int4Array(rows.map((row) => row.tenant)),
    int2Array(rows.map((row) => row.type)),
    int8Array(rows.map((row) => row.token)),
    int8Array(rows.map((row) => row.rid)),
  ]
}

function keyValues(rows: readonly RowKey[]): unknown[] {
  return [
    int4Array(rows.map((row) => row.tenant)),
    int2Array(rows.map((row) => row.type)),
    int8Array(rows.map((row) => row.rid)),
  ]
}

type Query = Pick<Database, 'query'>

const CURRENT_COLUMNS = 'r.tenant, r.type, r.rid, r.patient, r.version, r.updated, r.sealed'
const CURRENT_WIDTH = 7
const CURRENT_FROM = `unnest(${placeholders(1, KEY_CASTS)}) u(tenant, type, rid)
        join record.resource r on r.tenant = u.tenant and r.type = u.type and r.rid = u.rid`

/** Current versions, in the order of `keys`; undefined where there is none. */
export async function currentRows(database: Query, keys: readonly RowKey[]): Promise<(StoredRow | undefined)[]> {
  const rows = await database.query(
    { name: 'record-current', text: `select ${CURRENT_COLUMNS}, false from ${CURRENT_FROM}` },
    keyValues(keys),
  )
  const found = new Map<number, StoredRow>()
  for (const row of rows.map(storedRow)) found.set(row.rid, row)
  // A rid is unique across tenants and types, so it alone finds the row; the join made sure the rest agrees.
  return keys.map((key) => found.get(key.rid))
}

export interface KeyedRow {
  row: StoredRow
  /** The versions of the patient's key: none when it was shredded, two under rotation. */
  wrapped: WrappedKey[]
}

/** As `currentRows`, each with the wrapped key of its patient. */
export async function keyedRows(
  database: Query,
  join: KeyJoin,
  keys: readonly RowKey[],
): Promise<(KeyedRow | undefined)[]> {
  const rows = await database.query(
    {
      name: 'record-current-keyed',
      text: `select ${CURRENT_COLUMNS}, false, ${join.columns} from ${CURRENT_FROM} ${join.text('r')}`,
    },
    keyValues(keys),
  )
  const found = new Map<number, KeyedRow>()
  for (const columns of rows) {
    const row = storedRow(columns)
    const wrapped = join.read(row, columns.slice(CURRENT_WIDTH + 1))
    const known = found.get(row.rid)
    if (!known) found.set(row.rid, { row, wrapped: wrapped ? [wrapped] : [] })
    else if (wrapped) known.wrapped.push(wrapped)
  }
  return keys.map((key) => found.get(key.rid))
}

/** The newest tombstone of each key that has no current version; undefined where it never existed. */
export async function tombstones(database: Query, keys: readonly RowKey[]): Promise<(StoredRow | undefined)[]> {
  const rows = await database.query(
    {
      name: 'record-tombstones',
      text: `select h.tenant, h.type, h.rid, h.patient, h.version, h.updated, h.sealed, h.deleted
        from unnest(${placeholders(1, KEY_CASTS)}) u(tenant, type, rid)
        cross join lateral (select * from record.history h where h.tenant = u.tenant and h.type = u.type and h.rid = u.rid
          order by h.version desc limit 1) h
        where h.deleted`,
    },
    keyValues(keys),
  )
  const found = new Map<number, StoredRow>()
  for (const row of rows.map(storedRow)) found.set(row.rid, row)
  return keys.map((key) => found.get(key.rid))
}

const VERSION_COLUMNS = 'tenant, type, rid, patient, version, updated, sealed, deleted'
const VERSIONS = `(select ${VERSION_COLUMNS} from record.history union all select tenant, type, rid, patient, version, updated, sealed, false from record.resource) v`

/** One version, current, earlier or tombstone. */
export async function versionRow(database: Query, key: RowKey, version: number): Promise<StoredRow | undefined> {
  const rows = await database.query(
    {
      name: 'record-version',
      text: `select ${VERSION_COLUMNS} from ${VERSIONS} where tenant = $1 and type = $2 and rid = $3 and version = $4`,
    },
    [key.tenant, key.type, key.rid, version],
  )
  return rows.map(storedRow)[0]
}

/** Where a history page starts: strictly older than this place in (updated, rid, version) order. */
export interface HistoryPlace {
  updated: number
  rid: number
  version: number
}

export interface HistoryQuery {
  tenant: number
  types: number[]
  rid?: number
  /** Versions updated at or after this ms. */
  since?: number
  /** Of each resource only the version that was current at this ms. */
  at?: number
  before?: HistoryPlace
  limit: number
}

/**
 * Versions, newest first, of one resource, one type or several types. Each type is walked by its (tenant, type, updated)
 * index and at most `limit` rows are taken from each, so that the cost follows the page and not the history.
 */
export async function historyRows(database: Query, query: HistoryQuery): Promise<StoredRow[]> {
  const place = query.before ?? {
    updated: Number.MAX_SAFE_INTEGER,
    rid: Number.MAX_SAFE_INTEGER,
    version: 2_147_483_647,
  }
  const one = query.rid === undefined ? '' : 'and v.rid = $9'
  // Versions of a resource count without gaps, so the next one tells when this one ended.
  const replaced = (table: string): string => `not exists (select from record.${table} n
    where n.tenant = $1 and n.type = v.type and n.rid = v.rid and n.version = v.version + 1 and n.updated <= $4)`
  const current = query.at === undefined ? '' : `and ${replaced('history')} and ${replaced('resource')}`
  const from = (
    table: string,
    deleted: string,
  ): string => `(select tenant, type, rid, patient, version, updated, sealed, ${deleted} as deleted
    from record.${table} v where tenant = $1 and type = t.type and updated >= $3 and updated <= $4
    and (updated, rid, version) < ($5, $6, $7) ${one} ${current} order by updated desc, rid desc, version desc limit $8)`
  const rows = await database.query(
    {
      name: `record-history${query.rid === undefined ? '' : '-one'}${query.at === undefined ? '' : '-at'}`,
      text: `select v.* from unnest($2::smallint[]) t(type) cross join lateral
        (${from('resource', 'false')} union all ${from('history', 'deleted')}) v
        order by v.updated desc, v.rid desc, v.version desc limit $8`,
    },
    [
      query.tenant,
      int2Array(query.types),
      query.since ?? 0,
      query.at ?? Number.MAX_SAFE_INTEGER,
      place.updated,
      place.rid,
      place.version,
      query.limit,
      ...(query.rid === undefined ? [] : [query.rid]),
    ],
  )
  return rows.map(storedRow)
}

/** rids of ids that clients chose, in the order of `keys`; undefined where nobody named that id yet. */
export async function aliasRids(
  database: Query,
  keys: readonly { tenant: number; type: number; token: bigint }[],
): Promise<(number | undefined)[]> {
  const rows = await database.query(
    {
      name: 'record-alias',
      text: `select u.place, a.rid from unnest(${placeholders(1, ['int[]', 'smallint[]', 'bigint[]', 'int[]'])}) u(tenant, type, token, place)
        join record.alias a on a.tenant = u.tenant and a.type = u.type and a.token = u.token`,
    },
    [
      int4Array(keys.map((key) => key.tenant)),
      int2Array(keys.map((key) => key.type)),
      int8Array(keys.map((key) => key.token)),
      int4Array(keys.map((_, index) => index)),
    ],
  )
  const rids: (number | undefined)[] = keys.map(() => undefined)
  for (const [place, rid] of rows as [number, number][]) rids[place] = rid
  return rids
}

/** First number of a fresh block of `RID_BLOCK`. */
export async function takeRidBlock(database: Query): Promise<number> {
  const [row] = await database.query({ name: 'record-rid-block', text: `select nextval('record.rid_seq')` })
  return row?.[0] as number
}

/** Merge the token index's pending list: uncleaned, the planner deserts the index within a megabyte of writes. */
export async function mergePendingTokens(database: Query): Promise<void> {
  await database.query({ name: 'record-merge-tokens', text: 'select record.merge_pending_tokens()' })
}

/** Let the planner know the record's size whenever it has doubled; a cheap look otherwise. */
export async function refreshStatistics(database: Query): Promise<void> {
  await database.query({ name: 'record-refresh-statistics', text: 'select record.refresh_statistics()' })
}

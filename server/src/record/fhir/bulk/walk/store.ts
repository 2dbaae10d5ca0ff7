import { type Database, int2Array, int8Array } from '#db'
import type { StoredRow } from '../../store/rows.ts'

type Query = Pick<Database, 'query'>

/** Rows up to a sum of bytes: the first in any case. `text` selects what each search selects, in the order of (updated, rid). */
export function withinBytes(text: string, bytesMax: number): string {
  return `select type, rid, patient, version, updated, sealed from (
      select *, sum(octet_length(sealed)) over (order by updated, rid rows between unbounded preceding and 1 preceding) as before
      from (${text}) found(type, rid, patient, version, updated, sealed, k0)) w
    where before is null or before < ${bytesMax} order by updated, rid`
}

/** A place in the order of (updated, rid). */
export interface UpdatedPlace {
  updated: number
  rid: number
}

/** Whose resources: everybody's, of one patient each, of no single patient, or of these patients. */
export type Whose = { of: 'all' } | { of: 'owned' } | { of: 'shared' } | { of: 'patients'; patients: readonly number[] }

function whoseSql(whose: Whose, column: string, place: number): string {
  switch (whose.of) {
    case 'all':
      return 'true'
    case 'owned':
      return `${column} <> 0`
    case 'shared':
      return `${column} = 0`
    case 'patients':
      return `${column} = any ($${place}::bigint[])`
  }
}

function whoseValues(whose: Whose): unknown[] {
  return whose.of === 'patients' ? [int8Array([...whose.patients])] : []
}

export interface PastQuery {
  tenant: number
  type: number
  whose: Whose
  /** What was stored at this moment. */
  at: number
  after: UpdatedPlace
  until: UpdatedPlace
  limit: number
  bytesMax: number
}

/** Versions current at a moment that were replaced or deleted since. */
export async function replacedSince(database: Query, query: PastQuery): Promise<StoredRow[]> {
  const { tenant, type, whose, at, after, until, limit, bytesMax } = query
  const rows = await database.query(
    {
      text: `select rid, patient, version, updated, sealed from (
          select *, sum(octet_length(sealed)) over (order by updated, rid rows between unbounded preceding and 1 preceding) as before
          from (select h.rid, h.patient, h.version, h.updated, h.sealed from (
              select rid from record.resource where tenant = $1 and type = $2 and updated > $3 and version > 1
              union select rid from record.history where tenant = $1 and type = $2 and updated > $3 and deleted) x
            cross join lateral (select * from record.history h where h.tenant = $1 and h.type = $2 and h.rid = x.rid
              and h.updated <= $3 order by h.version desc limit 1) h
            where not h.deleted and (h.updated, h.rid) > ($4, $5) and (h.updated, h.rid) <= ($6, $7)
              and ${whoseSql(whose, 'h.patient', 10)}
            order by h.updated, h.rid limit $8) found) w
        where before is null or before < $9::bigint order by updated, rid`,
    },
    [tenant, type, at, after.updated, after.rid, until.updated, until.rid, limit, bytesMax, ...whoseValues(whose)],
  )
  return (rows as [number, number, number, number, Buffer][]).map(([rid, patient, version, updated, sealed]) => ({
    tenant,
    type,
    rid,
    patient,
    version,
    updated,
    sealed,
    deleted: false,
  }))
}

/** Tombstones that were the last word at `at`, in the order of (updated, rid). */
export async function deletedUntil(database: Query, query: Omit<PastQuery, 'bytesMax'>): Promise<StoredRow[]> {
  const { tenant, type, whose, at, after, until, limit } = query
  const rows = await database.query(
    {
      text: `select h.rid, h.patient, h.version, h.updated, h.sealed from record.history h
        where h.tenant = $1 and h.type = $2 and h.deleted and (h.updated, h.rid) > ($4, $5) and (h.updated, h.rid) <= ($6, $7)
          and ${whoseSql(whose, 'h.patient', 9)}
          and not exists (select from record.history n where n.tenant = $1 and n.type = $2 and n.rid = h.rid
            and n.version > h.version and n.updated <= $3)
          and not exists (select from record.resource n where n.tenant = $1 and n.type = $2 and n.rid = h.rid and n.updated <= $3)
        order by h.updated, h.rid limit $8`,
    },
    [tenant, type, at, after.updated, after.rid, until.updated, until.rid, limit, ...whoseValues(whose)],
  )
  return (rows as [number, number, number, number, Buffer][]).map(([rid, patient, version, updated, sealed]) => ({
    tenant,
    type,
    rid,
    patient,
    version,
    updated,
    sealed,
    deleted: true,
  }))
}

/** Which of `rids` are connected with something of these patients (of any, when undefined). */
export async function connectedWith(
  database: Query,
  of: {
    tenant: number
    rids: readonly number[]
    patients: readonly number[] | undefined
    /** `from`: they refer to it; otherwise it refers to them, by one of these parameters, each of a type. */
    by: 'from' | readonly { param: number; type: number }[]
  },
): Promise<Set<number>> {
  const { tenant, rids, patients, by } = of
  const whose = patients === undefined ? 's.patient <> 0' : 's.patient = any ($3::bigint[])'
  const values: unknown[] = [tenant, int8Array([...rids]), int8Array([...(patients ?? [])])]
  const connected =
    by === 'from'
      ? `record.reference x join record.resource s on s.tenant = $1 and s.type = x.target_type and s.rid = x.target
          where x.tenant = $1 and x.src = w.rid`
      : `record.reference x join unnest($4::smallint[], $5::smallint[]) m(param, type) on m.param = x.param
          join record.resource s on s.tenant = $1 and s.type = m.type and s.rid = x.src
          where x.tenant = $1 and x.target = w.rid`
  if (by !== 'from') values.push(int2Array(by.map(({ param }) => param)), int2Array(by.map(({ type }) => type)))
  const rows = await database.query(
    {
      text: `select w.rid from unnest($2::bigint[]) w(rid)
        where cardinality($3::bigint[]) >= 0 and exists (select from ${connected} and ${whose})`,
    },
    values,
  )
  return new Set(rows.map(([rid]) => rid as number))
}

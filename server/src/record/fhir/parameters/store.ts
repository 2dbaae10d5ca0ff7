import { byteaArray, type Database, int2Array, int4Array, int8Array, type Part, placeholders } from '#db'
import type { ParameterRow, StoredRow } from '../store/rows.ts'

type Query = Pick<Database, 'query'>

const CASTS = ['int[]', 'bigint[]', 'int[]', 'bytea[]', 'bigint[]'] as const

/** What written SearchParameter resources mean for searches. One whose shape stays the same stays as it is indexed. */
export function parametersPart(rows: readonly ParameterRow[]): Part {
  return {
    name: 'search_parameters',
    text: (first) => `insert into record.search_parameter as p (tenant, rid, version, shape, state, changed)
      select u.tenant, u.rid, u.version, u.shape, case when u.shape is null then 'retired' else 'new' end, u.changed
      from unnest(${placeholders(first, CASTS)}) u(tenant, rid, version, shape, changed)
      on conflict (tenant, rid) do update set version = excluded.version, shape = excluded.shape, changed = excluded.changed,
        state = case when p.shape = excluded.shape and p.state not in ('retired', 'failed') then p.state else excluded.state end`,
    values: [
      int4Array(rows.map((row) => row.tenant)),
      int8Array(rows.map((row) => row.rid)),
      int4Array(rows.map((row) => row.version)),
      byteaArray(rows.map((row) => row.shape)),
      int8Array(rows.map((row) => row.changed)),
    ],
  }
}

/** A parameter that has a number: resources are indexed by it from then on. */
export interface NumberedParameter {
  tenant: number
  rid: number
  version: number
  number: number
  isReady: boolean
}

const NUMBERED = {
  name: 'record-search-parameters',
  text: `select tenant, rid, version, number, state = 'ready' from record.search_parameter
    where state <> 'retired' and number is not null order by tenant, number`,
}

/** All tenants' parameters that are indexed by, in the order of their numbers. */
export async function numberedParameters(database: Query): Promise<NumberedParameter[]> {
  const rows = await database.query(NUMBERED)
  return (rows as [number, number, number, number, boolean][]).map(([tenant, rid, version, number, isReady]) => ({
    tenant,
    rid,
    version,
    number,
    isReady,
  }))
}

/** Tenants whose resources an update of Salus has yet to index again, in ascending order. */
export async function rebuildingTenants(database: Query): Promise<number[]> {
  const rows = await database.query({
    name: 'record-reindex-upgrades',
    text: `select distinct tenant from record.reindex
      where state <> 'done' and upgrade order by tenant`,
  })
  return rows.map(([tenant]) => tenant as number)
}

/** The SearchParameter resources of numbered parameters, current versions. */
export async function parameterBodies(
  database: Query,
  type: number,
  keys: readonly { tenant: number; rid: number }[],
): Promise<StoredRow[]> {
  const rows = await database.query(
    {
      name: 'record-search-parameter-bodies',
      text: `select r.tenant, r.rid, r.patient, r.version, r.updated, r.sealed
        from unnest($1::int[], $2::bigint[]) u(tenant, rid)
        join record.resource r on r.tenant = u.tenant and r.type = $3::smallint and r.rid = u.rid`,
    },
    [int4Array(keys.map(({ tenant }) => tenant)), int8Array(keys.map(({ rid }) => rid)), type],
  )
  return rows.map((row) => {
    const [tenant, rid, patient, version, updated, sealed] = row as [number, number, number, number, number, Buffer]
    return { tenant, type, rid, patient, version, updated, sealed, deleted: false }
  })
}

/** Parameters that wait to be indexed: tenant, rid, and the number they already have. */
export async function newParameters(
  database: Query,
): Promise<{ tenant: number; rid: number; number: number | null }[]> {
  const rows = await database.query({
    name: 'record-search-parameters-new',
    text: `select tenant, rid, number from record.search_parameter where state = 'new' order by tenant, rid`,
  })
  return (rows as [number, number, number | null][]).map(([tenant, rid, number]) => ({ tenant, rid, number }))
}

/** The first number of a tenant's own parameters; those below are official. */
const FIRST_NUMBER = 20_000

/**
 * Give the new parameters of a tenant numbers, and let resources be indexed by them from now on. Gives the numbers; fewer when
 * one was changed meanwhile. The caller holds the lock of the work, so that no two number at once.
 */
export async function startBuilding(
  database: Query,
  { tenant, rids, now }: { tenant: number; rids: readonly number[]; now: number },
): Promise<number[]> {
  const rows = await database.query(
    {
      text: `with last as (select coalesce(max(number), $3::smallint - 1)::int as number from record.search_parameter where tenant = $1::int)
        update record.search_parameter p set state = 'building', changed = $4::bigint,
          number = coalesce(p.number, (last.number + u.place)::smallint)
        from last, unnest($2::bigint[]) with ordinality u(rid, place)
        where p.tenant = $1::int and p.rid = u.rid and p.state = 'new' and (p.number is not null or last.number + u.place <= 32767)
        returning p.number`,
    },
    [tenant, int8Array([...rids]), FIRST_NUMBER, now],
  )
  return rows.map(([number]) => number as number)
}

/** From now on searches may use them; one that was changed meanwhile is left to be built again. */
export function readyPart(ready: readonly { tenant: number; number: number; changed: number }[]): Part {
  return {
    name: 'parameters_ready',
    text: (first) => `update record.search_parameter p set state = 'ready', changed = u.changed
      from unnest(${placeholders(first, ['int[]', 'smallint[]', 'bigint[]'])}) u(tenant, number, changed)
      where p.tenant = u.tenant and p.number = u.number and p.state = 'building'`,
    values: [
      int4Array(ready.map(({ tenant }) => tenant)),
      int2Array(ready.map(({ number }) => number)),
      int8Array(ready.map(({ changed }) => changed)),
    ],
  }
}

/** These could not be numbered or built: searches by them go on being refused, and the next version is built anew. */
export async function failParameters(
  database: Query,
  of: { tenant: number; rids?: readonly number[]; numbers?: readonly number[]; now: number },
): Promise<void> {
  await database.query(
    {
      text: `update record.search_parameter set state = 'failed', changed = $4
        where tenant = $1 and state in ('new', 'building') and (rid = any($2::bigint[]) or number = any($3::smallint[]))`,
    },
    [of.tenant, int8Array([...(of.rids ?? [])]), int2Array([...(of.numbers ?? [])]), of.now],
  )
}

/** Parameters of a tenant that are searched by, or will be. */
export async function countParameters(database: Query, tenant: number): Promise<number> {
  const [row] = await database.query(
    {
      name: 'record-search-parameters-count',
      text: `select count(*) from record.search_parameter where tenant = $1 and state <> 'retired'`,
    },
    [tenant],
  )
  return row?.[0] as number
}

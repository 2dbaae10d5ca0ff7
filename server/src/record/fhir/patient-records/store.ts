import type { Composer } from '#audit'
import { byteaArray, type Database, int2Array, int4Array, int8Array, placeholders } from '#db'
import type { RowKey, StoredRow } from '../store/rows.ts'

type Query = Pick<Database, 'query'>

/** A patient's current versions without their bodies, any order, at most `limit`. */
export async function patientVersions(
  database: Query,
  of: { tenant: number; patient: number; limit: number },
): Promise<(RowKey & { version: number })[]> {
  const rows = await database.query(
    { text: 'select type, rid, version from record.resource where tenant = $1 and patient = $2 limit $3' },
    [of.tenant, of.patient, of.limit],
  )
  return (rows as [number, number, number][]).map(([type, rid, version]) => ({ tenant: of.tenant, type, rid, version }))
}

/** Which of `patients` have current versions. */
export async function patientsWithRows(
  database: Query,
  tenant: number,
  patients: readonly number[],
): Promise<number[]> {
  const rows = await database.query(
    {
      text: 'select p from unnest($2::bigint[]) p where exists (select from record.resource where tenant = $1 and patient = p)',
    },
    [tenant, int8Array(patients)],
  )
  return rows.map(([patient]) => patient as number)
}

/** Where a walk through a patient's versions goes on. */
export interface VersionPlace {
  type: number
  rid: number
  version: number
}

/** A patient's versions in `table` with their bodies, in the order of their places, behind `after`. */
export async function patientBodies(
  database: Query,
  of: { table: 'resource' | 'history'; tenant: number; patient: number; after: VersionPlace; limit: number },
): Promise<StoredRow[]> {
  const { table, tenant, patient, after, limit } = of
  const deleted = table === 'history' ? 'deleted' : 'false'
  const rows = await database.query(
    {
      text: `select type, rid, version, updated, sealed, ${deleted} from record.${table}
        where tenant = $1 and patient = $2 and (type, rid, version) > ($3, $4, $5) order by type, rid, version limit $6`,
    },
    [tenant, patient, after.type, after.rid, after.version, limit],
  )
  return rows.map((row) => {
    const [type, rid, version, updated, sealed, isDeleted] = row as [number, number, number, number, Buffer, boolean]
    return { tenant, type, rid, patient, version, updated, sealed, deleted: isDeleted }
  })
}

const VERSION_CASTS = ['int[]', 'smallint[]', 'bigint[]', 'int[]', 'bytea[]'] as const

/** Versions of one table with their new bodies. */
export interface ResealedRows {
  table: 'resource' | 'history'
  rows: StoredRow[]
}

/** Versions sealed anew; one that was replaced meanwhile is left alone. */
export const resealComposer: Composer<ResealedRows> = {
  parts: (units) =>
    units.map(({ table, rows }, index) => ({
      name: `resealed_${table}_${index}`,
      text: (
        first,
      ) => `update record.${table} r set sealed = u.sealed from unnest(${placeholders(first, VERSION_CASTS)}) u(tenant, type, rid, version, sealed)
        where r.tenant = u.tenant and r.type = u.type and r.rid = u.rid and r.version = u.version`,
      values: [
        int4Array(rows.map((row) => row.tenant)),
        int2Array(rows.map((row) => row.type)),
        int8Array(rows.map((row) => row.rid)),
        int4Array(rows.map((row) => row.version)),
        byteaArray(rows.map((row) => row.sealed)),
      ],
    })),
}

/** Current resources that refer to the patient, or to anything that ever belonged to the patient: `[param, src]`. */
export async function mentionsOf(
  database: Query,
  of: { tenant: number; patient: number; limit: number },
): Promise<{ param: number; src: number }[]> {
  const rows = await database.query(
    {
      text: `select distinct x.param, x.src
        from (select distinct rid from record.history where tenant = $1 and patient = $2 union select $2::bigint) own
        join record.reference x on x.tenant = $1 and x.target = own.rid order by 2, 1 limit $3`,
    },
    [of.tenant, of.patient, of.limit],
  )
  return (rows as [number, number][]).map(([param, src]) => ({ param, src }))
}

/** Owner only: numbers up to `beyond`, and `gap` more than were given out, are never given out again. */
export async function skipRids(owner: Query, beyond: number, gap: number): Promise<void> {
  await owner.query(
    { text: `select setval('record.rid_seq', greatest(last_value, $1::bigint) + $2::bigint) from record.rid_seq` },
    [beyond, gap],
  )
}

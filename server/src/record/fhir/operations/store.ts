import { RESOURCE_TYPES, typeNumber } from '@salus/fhir-model'
import type { Composer } from '#audit'
import { type Database, int4Array, int8Array, type Part } from '#db'
import type { RowKey } from '../store/rows.ts'

/** What a tenant's stored terminology was at one moment: equal while nothing of it was written. */
export type Stamp = string

/**
 * The stamps of several tenants in one query, in order; undefined for one that has stored none. One index range per tenant and
 * type: 20 us for a tenant without any.
 */
export async function terminologyStamps(
  database: Pick<Database, 'query'>,
  tenants: readonly number[],
  types: readonly number[],
): Promise<(Stamp | undefined)[]> {
  const rows = await database.query(STAMPS, [int4Array([...tenants]), `{${types.join(',')}}`])
  const found = new Map(rows.map(([tenant, stamp]) => [tenant as number, stamp as string]))
  return tenants.map((tenant) => found.get(tenant))
}

/** A write changes `updated`, a delete the count. */
const STAMPS = {
  name: 'fhir-operations-terminology-stamps',
  text: `select tenant, count(*)::text || ':' || sum(updated)::text from record.resource
    where tenant = any ($1::int[]) and type = any ($2::smallint[]) group by tenant`,
}

/** What an expunge removes: the versions of one resource below a version, and for `wholly` what its tombstone tells. */
export interface Expunged extends RowKey {
  below: number
  /** Versions that are there: when it is another number by then, somebody else was faster. */
  versions: number
  wholly: boolean
}

/** The application may not delete from the history itself; `record.expunge` looks whether the tenant allows it. */
export const expungeComposer: Composer<Expunged> = {
  parts: (units) =>
    units.flatMap(({ tenant, type, rid, below, versions, wholly }, index): Part[] => [
      {
        name: `expunged_${index}`,
        text: (first) =>
          `select record.expunge($${first}::int, $${first + 1}::smallint, $${first + 2}::bigint, $${first + 3}::int) as removed`,
        values: [tenant, type, rid, below, versions],
        check: (first) => `record.guard($${first + 4}::bigint, (select removed from expunged_${index}))`,
      },
      ...(wholly ? [emptied({ tenant, type, rid, below }, index)] : []),
    ]),
}

/** As after an erasure: the number of the last version stays, so that the next one goes on from it; nothing else does. */
function emptied({ tenant, type, rid, below }: RowKey & { below: number }, index: number): Part {
  return {
    name: `emptied_${index}`,
    text: (first) =>
      `update record.history h set sealed = ''::bytea where h.tenant = $${first}::int and h.type = $${first + 1}::smallint and h.rid = $${first + 2}::bigint and h.version = $${first + 3}::int and h.deleted returning 1`,
    values: [tenant, type, rid, below],
    check: () => `record.guard(1, (select count(*) from emptied_${index}))`,
  }
}

/** Versions of one resource below a version, and whose they were. */
export async function versionsBelow(
  database: Pick<Database, 'query'>,
  { tenant, type, rid }: RowKey,
  below: number,
): Promise<{ versions: number; patients: number[] }> {
  const rows = await database.query(VERSIONS_BELOW, [tenant, type, rid, below])
  const found = rows as [patient: number, versions: number][]
  return {
    versions: found.reduce((sum, [, versions]) => sum + versions, 0),
    patients: found.flatMap(([patient]) => (patient === 0 ? [] : [patient])),
  }
}

const VERSIONS_BELOW = {
  name: 'fhir-operations-versions-below',
  text: `select patient, count(*) from record.history
    where tenant = $1::int and type = $2::smallint and rid = $3::bigint and version < $4::int group by patient`,
}

/** Whether the owner of the database allows a tenant to expunge. */
export async function mayExpunge(database: Pick<Database, 'query'>, tenant: number): Promise<boolean> {
  return (await database.query(MAY_EXPUNGE, [tenant])).length > 0
}

/** Allow or forbid it, as the owner of the database: the application may not. */
export async function setMayExpunge(
  owner: Pick<Database, 'query'>,
  { tenant, allowed, since }: { tenant: number; allowed: boolean; since: number },
): Promise<void> {
  if (allowed) await owner.query(ALLOW, [tenant, since])
  else await owner.query(FORBID, [tenant])
}

const MAY_EXPUNGE = {
  name: 'fhir-operations-may-expunge',
  text: 'select 1 from record.expunge_policy where tenant = $1::int',
}
const ALLOW = {
  text: 'insert into record.expunge_policy (tenant, since) values ($1::int, $2::bigint) on conflict (tenant) do nothing',
}
const FORBID = { text: 'delete from record.expunge_policy where tenant = $1::int' }

/**
 * Current resources that belong to a patient, or refer to that patient by an indexed reference: `[type, rid]` for the first, `[param,
 * rid]` for the second, whose parameter tells the type. At most `limit` of each.
 */
export async function referringTo(
  database: Pick<Database, 'query'>,
  { tenant, patient, limit }: { tenant: number; patient: number; limit: number },
): Promise<{ owned: { type: number; rid: number }[]; mentions: { param: number; rid: number }[] }> {
  const [owned, mentions] = await Promise.all([
    database.query(OWNED, [tenant, patient, limit]),
    database.query(MENTIONS, [tenant, patient, limit]),
  ])
  return {
    owned: (owned as [number, number][]).map(([type, rid]) => ({ type, rid })),
    mentions: (mentions as [number, number][]).map(([param, rid]) => ({ param, rid })),
  }
}

/** The types of current resources by their internal number, which is unique across types; those that are gone are left out. */
export async function typesOf(
  database: Pick<Database, 'query'>,
  { tenant, rids }: { tenant: number; rids: readonly number[] },
): Promise<{ type: number; rid: number }[]> {
  if (rids.length === 0) return []
  const rows = await database.query(TYPES, [tenant, ALL_TYPES, int8Array([...rids])])
  return (rows as [number, number][]).map(([type, rid]) => ({ type, rid }))
}

/** Named, so that the index by tenant, type and number is used: no other knows the number. */
const ALL_TYPES = `{${RESOURCE_TYPES.map((type) => typeNumber(type)).join(',')}}`
const TYPES = {
  name: 'fhir-operations-types-of',
  text: `select type, rid from record.resource
    where tenant = $1::int and type = any ($2::smallint[]) and rid = any ($3::bigint[])`,
}

const OWNED = {
  name: 'fhir-operations-owned-by',
  text: 'select type, rid from record.resource where tenant = $1::int and patient = $2::bigint order by rid limit $3::int',
}
const MENTIONS = {
  name: 'fhir-operations-mentions-of',
  text: `select min(param), src from record.reference where tenant = $1::int and target = $2::bigint
    group by src order by src limit $3::int`,
}

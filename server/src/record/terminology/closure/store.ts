import type { Composer } from '#audit'
import { type Connection, type Database, int4Array, int8Array, type Part, textArray } from '#db'

type Queryable = Pick<Database, 'query'> | Pick<Connection, 'query'>

/** Which table: names are a client's own. */
export interface ClosureName {
  tenant: number
  client: string
  name: string
}

/** A table as it is now: equal stamps while nothing of it changed. */
export interface ClosureState {
  version: number
  stamp: string
}

/** A concept of a closure table, and the version of the table it came with. */
export interface ClosureConcept {
  system: string
  code: string
  version: number
}

/** One change of a table: concepts that are added, or none when it is started anew. */
export interface ClosureChange extends ClosureName {
  version: number
  at: number
  stamp: string
  added?: readonly { system: string; code: string }[]
}

/** Undefined when there is no such table. */
export async function closureState(database: Queryable, table: ClosureName): Promise<ClosureState | undefined> {
  const [row] = await database.query(
    {
      text: `select version, stamp::text from terminology.closure
        where tenant = $1::int and client = $2 and name = $3`,
    },
    [table.tenant, table.client, table.name],
  )
  return row && { version: row[0] as number, stamp: row[1] as string }
}

export async function closureConcepts(database: Queryable, table: ClosureName): Promise<ClosureConcept[]> {
  const rows = await database.query(
    {
      text: `select system, code, version from terminology.closure_concept
        where tenant = $1::int and client = $2 and name = $3 order by version, system, code`,
    },
    [table.tenant, table.client, table.name],
  )
  return rows.map(([system, code, version]) => ({ system, code, version }) as ClosureConcept)
}

/** How many closure tables a client has. */
export async function countClosures(database: Queryable, tenant: number, client: string): Promise<number> {
  const [row] = await database.query(
    { text: 'select count(*)::int from terminology.closure where tenant = $1::int and client = $2' },
    [tenant, client],
  )
  return row?.[0] as number
}

/** The rows of closure tables in the ledger's statement; changes of one table never share one, because they share a lock. */
export const closureComposer: Composer<ClosureChange> = {
  parts(changes) {
    const started = changes.filter(({ added }) => added === undefined)
    const concepts = changes.flatMap((table) => (table.added ?? []).map((concept) => ({ table, concept })))
    const parts: Part[] = [
      {
        name: 'terminology_closure_changed',
        text: (first) => `insert into terminology.closure (tenant, client, name, version, updated, stamp)
          select * from unnest($${first}::int[], $${first + 1}::text[], $${first + 2}::text[], $${first + 3}::int[],
            $${first + 4}::bigint[], $${first + 5}::text[]::uuid[])
          on conflict (tenant, client, name) do update
            set version = excluded.version, updated = excluded.updated, stamp = excluded.stamp`,
        values: [
          ...named(changes),
          int4Array(changes.map(({ version }) => version)),
          int8Array(changes.map(({ at }) => at)),
          textArray(changes.map(({ stamp }) => stamp)),
        ],
      },
    ]
    if (started.length > 0)
      parts.push({
        name: 'terminology_closure_emptied',
        text: (first) => `delete from terminology.closure_concept old
          using unnest($${first}::int[], $${first + 1}::text[], $${first + 2}::text[]) as started (tenant, client, name)
          where old.tenant = started.tenant and old.client = started.client and old.name = started.name`,
        values: named(started),
      })
    if (concepts.length > 0)
      parts.push({
        name: 'terminology_closure_added',
        text: (first) => `insert into terminology.closure_concept (tenant, client, name, system, code, version)
          select * from unnest($${first}::int[], $${first + 1}::text[], $${first + 2}::text[], $${first + 3}::text[],
            $${first + 4}::text[], $${first + 5}::int[])`,
        values: [
          ...named(concepts.map(({ table }) => table)),
          textArray(concepts.map(({ concept }) => concept.system)),
          textArray(concepts.map(({ concept }) => concept.code)),
          int4Array(concepts.map(({ table }) => table.version)),
        ],
      })
    return parts
  },
}

function named(tables: readonly ClosureName[]): unknown[] {
  return [
    int4Array(tables.map(({ tenant }) => tenant)),
    textArray(tables.map(({ client }) => client)),
    textArray(tables.map(({ name }) => name)),
  ]
}

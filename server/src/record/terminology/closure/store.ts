import { type Connection, type Database, textArray } from '#db'

type Queryable = Pick<Database, 'query'> | Pick<Connection, 'query'>

/** A concept of a closure table, and the version of the table it came with. */
export interface ClosureConcept {
  system: string
  code: string
  version: number
}

/** Start the table anew. */
export async function resetClosure(tx: Queryable, tenant: number, name: string, at: number): Promise<void> {
  await tx.query({ text: 'delete from terminology.closure where tenant = $1::int and name = $2' }, [tenant, name])
  await tx.query(
    { text: 'insert into terminology.closure (tenant, name, version, updated) values ($1::int, $2, 0, $3::bigint)' },
    [tenant, name, at],
  )
}

/** Its version, locked until the transaction ends; undefined when there is none. */
export async function lockClosure(tx: Queryable, tenant: number, name: string): Promise<number | undefined> {
  const [row] = await tx.query(
    { text: 'select version from terminology.closure where tenant = $1::int and name = $2 for update' },
    [tenant, name],
  )
  return row?.[0] as number | undefined
}

export async function closureConcepts(tx: Queryable, tenant: number, name: string): Promise<ClosureConcept[]> {
  const rows = await tx.query(
    {
      text: `select system, code, version from terminology.closure_concept
        where tenant = $1::int and name = $2 order by version, system, code`,
    },
    [tenant, name],
  )
  return rows.map(([system, code, version]) => ({ system, code, version }) as ClosureConcept)
}

export async function addToClosure(
  tx: Queryable,
  table: { tenant: number; name: string; version: number; at: number },
  concepts: readonly { system: string; code: string }[],
): Promise<void> {
  await tx.query(
    {
      text: `insert into terminology.closure_concept (tenant, name, system, code, version)
        select $1::int, $2, system, code, $3::int from unnest($4::text[], $5::text[]) as given (system, code)
        on conflict do nothing`,
    },
    [
      table.tenant,
      table.name,
      table.version,
      textArray(concepts.map(({ system }) => system)),
      textArray(concepts.map(({ code }) => code)),
    ],
  )
  await tx.query(
    {
      text: `update terminology.closure set version = $3::int, updated = $4::bigint where tenant = $1::int and name = $2`,
    },
    [table.tenant, table.name, table.version, table.at],
  )
}

/** How many closure tables a tenant has. */
export async function countClosures(database: Queryable, tenant: number): Promise<number> {
  const [row] = await database.query({ text: 'select count(*)::int from terminology.closure where tenant = $1::int' }, [
    tenant,
  ])
  return row?.[0] as number
}

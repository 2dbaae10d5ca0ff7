import { from as copyFrom } from 'pg-copy-streams'
import type { Connection } from '#db'

// The tables of this file are temporary: one load sees them, they are never logged, and they go with its transaction.

const BEGIN = { text: 'begin' }
const COMMIT = { text: 'commit' }
const ROLLBACK = { text: 'rollback' }

const CREATE = [
  `create temp table load_concept (
    seq bigint not null, code text not null, display text, definition text, inactive boolean, abstract boolean) on commit drop`,
  `create temp table load_name (
    seq bigint not null, code text not null, value text not null, language text, use_system text, use_code text,
    use_display text, rank int) on commit drop`,
  `create temp table load_property (
    seq bigint not null, code text not null, property text not null, value text not null, is_code boolean) on commit drop`,
  'create temp table load_parent (seq bigint not null, code text not null, parent text not null) on commit drop',
  'create temp table load_member (seq bigint not null, code text not null, member_of text not null) on commit drop',
]

/** Columns of each table in the order of its lines. */
const COLUMNS = {
  load_concept: 'seq, code, display, definition, inactive, abstract',
  load_name: 'seq, code, value, language, use_system, use_code, use_display, rank',
  load_property: 'seq, code, property, value, is_code',
  load_parent: 'seq, code, parent',
  load_member: 'seq, code, member_of',
} as const

/** A table that a load fills. */
export type LoadTable = keyof typeof COLUMNS

export const LOAD_TABLES = Object.keys(COLUMNS) as LoadTable[]

/** One row per concept: of a value told twice the first one counts. */
const CONCEPTS = `create temp table load_order on commit drop as
  select row_number() over (order by min(seq)) as ordinal, code,
    (array_agg(display order by seq) filter (where display is not null))[1] as display,
    (array_agg(definition order by seq) filter (where definition is not null))[1] as definition,
    bool_and(coalesce(inactive, false)) as inactive, bool_or(coalesce(abstract, false)) as abstract
  from load_concept group by code`

const INDEXES = [
  'create unique index on load_order (ordinal)',
  'create unique index on load_order (code)',
  'create index on load_name (code)',
  'create index on load_property (code)',
  'create index on load_parent (code)',
  'create index on load_member (code)',
]

const COUNT = { text: 'select count(*) from load_order' }

/** What leads to no concept of the release is left out: an extension names what only the release it extends holds. */
const PAGE = {
  name: 'terminology.load-page',
  text: `select o.ordinal, o.code, o.display, o.definition, o.inactive, o.abstract,
    (select json_agg(json_build_array(n.value, n.language, n.use_system, n.use_code, n.use_display, n.rank) order by n.seq)
      from load_name n where n.code = o.code),
    (select json_agg(distinct jsonb_build_array(p.property, p.value, coalesce(p.is_code, false))) from load_property p where p.code = o.code),
    (select json_agg(distinct p.parent) from load_parent p join load_order a on a.code = p.parent
      where p.code = o.code and p.parent <> o.code),
    (select json_agg(distinct m.member_of) from load_member m where m.code = o.code)
  from load_order o where o.ordinal > $1::bigint and o.ordinal <= $2::bigint order by o.ordinal`,
}

/** Run `work` in one transaction of this connection, which nobody else uses. */
export async function inTransaction<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.query(BEGIN)
  try {
    const result = await work()
    await connection.query(COMMIT)
    return result
  } catch (error) {
    await connection.query(ROLLBACK).catch(() => undefined)
    throw error
  }
}

/** Make the tables of one load; they go when the transaction ends. */
export async function createLoadTables(connection: Connection): Promise<void> {
  for (const text of CREATE) await connection.query({ text })
}

/** Append lines in the text form of COPY. The connection must have been opened without pipelining. */
export async function copyLines(connection: Connection, table: LoadTable, lines: string): Promise<void> {
  const stream = connection.raw.query(copyFrom(`copy ${table} (${COLUMNS[table]}) from stdin`))
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.on('finish', resolve)
    stream.end(lines)
  })
}

/** Bring what was copied together; gives the number of concepts. */
export async function orderConcepts(connection: Connection): Promise<number> {
  await connection.query({ text: CONCEPTS })
  for (const text of INDEXES) await connection.query({ text })
  for (const table of [...LOAD_TABLES, 'load_order']) await connection.query({ text: `analyze ${table}` })
  return (await connection.query(COUNT))[0]?.[0] as number
}

/** Columns of a concept as `conceptRows` gives them. */
export type ConceptRow = readonly [
  ordinal: number,
  code: string,
  display: string | null,
  definition: string | null,
  isInactive: boolean,
  isAbstract: boolean,
  names: [string, string | null, string | null, string | null, string | null, number | null][] | null,
  properties: [string, string, boolean][] | null,
  parents: string[] | null,
  sets: string[] | null,
]

/** Concepts with all that was told of them, those after the ordinal `after` up to `to`. */
export async function conceptRows(connection: Connection, after: number, to: number): Promise<ConceptRow[]> {
  return (await connection.query(PAGE, [after, to])) as unknown as ConceptRow[]
}

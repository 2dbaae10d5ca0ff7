import { type Connection, type Database, int2Array, int4Array, type Row, textArray } from '#db'

type Queryable = Pick<Database, 'query'> | Pick<Connection, 'query'>

/** A large code system as it is listed. */
export interface SystemRow {
  id: number
  url: string
  version: string
  name: string
  title: string
  language: string
  isCaseSensitive: boolean
  properties: { code: string; type: string }[]
  concepts: number
  /** Milliseconds since 1970. */
  loaded: number
}

/** One concept as it lies in the table. */
export interface ConceptRow {
  id: number
  flags: number
  children: number
  code: string
  display: string | null
  definition: string | null
  names: [string, string | null, string | null, string | null, string | null][]
  properties: Record<string, string[]>
  up: [string, string | null][]
}

/** PostgreSQL's texts hold every character but NUL: nothing stored has one. */
export function isStorable(text: string): boolean {
  return !text.includes('\0')
}

const SYSTEMS = {
  name: 'terminology-systems',
  text: `select id, url, version, name, title, language, case_sensitive, properties, concepts, loaded
    from terminology.system where ready order by url, version`,
}
const COLUMNS = 'id, flags, children, code, display, definition, names, properties, up'

const BY_CODE = {
  name: 'terminology-concepts-by-code',
  text: `select asked.at, ${COLUMNS} from unnest($1::int[], $2::text[]) with ordinality as asked (system, code, at)
    join terminology.concept using (system, code)`,
}
const BY_FOLDED = {
  name: 'terminology-concept-by-folded',
  text: `select ${COLUMNS} from terminology.concept where system = $1::int and folded = $2 order by id limit 1`,
}
const BY_ID = {
  name: 'terminology-concepts-by-id',
  text: `select ${COLUMNS} from terminology.concept where system = $1::int and id = any ($2::int[])`,
}
const CHILDREN = {
  name: 'terminology-children',
  text: 'select down from terminology.concept where system = $1::int and id = $2::int',
}
const LINEAGE = {
  name: 'terminology-lineage',
  text: 'select id, code, ancestors from terminology.concept where system = $1::int and code = any ($2::text[])',
}
const NAMES = {
  name: 'terminology-names',
  text: `select id, flags, code, display, names from terminology.concept
    where system = $1::int and id > $2::int order by id limit $3::int`,
}

export async function readState(database: Queryable): Promise<number> {
  const [row] = await database.query({
    name: 'terminology-revision',
    text: 'select revision from terminology.state',
  })
  return row?.[0] as number
}

export async function readSystems(database: Queryable): Promise<SystemRow[]> {
  return (await database.query(SYSTEMS)).map(
    ([id, url, version, name, title, language, isCaseSensitive, properties, concepts, loaded]) =>
      ({
        id,
        url,
        version,
        name,
        title,
        language,
        isCaseSensitive,
        properties: parsed(properties),
        concepts,
        loaded,
      }) as SystemRow,
  )
}

/** Concepts in the order asked; undefined where there is none. */
export async function conceptsByCode(
  database: Queryable,
  keys: readonly { system: number; code: string }[],
): Promise<(ConceptRow | undefined)[]> {
  const rows = await database.query(BY_CODE, [
    int4Array(keys.map(({ system }) => system)),
    textArray(keys.map(({ code }) => code)),
  ])
  const found: (ConceptRow | undefined)[] = keys.map(() => undefined)
  for (const [at, ...row] of rows) found[(at as number) - 1] = conceptRow(row)
  return found
}

export async function conceptByFolded(database: Queryable, system: number, code: string) {
  const [row] = await database.query(BY_FOLDED, [system, code.toLowerCase()])
  return row && conceptRow(row)
}

export async function conceptsById(database: Queryable, system: number, ids: readonly number[]): Promise<ConceptRow[]> {
  return (await database.query(BY_ID, [system, int4Array([...ids])])).map(conceptRow)
}

/** Code and display of the concepts directly below, the first 1,000. */
export async function childrenOf(database: Queryable, system: number, id: number): Promise<[string, string | null][]> {
  const [row] = await database.query(CHILDREN, [system, id])
  return parsed(row?.[0] ?? '[]') as [string, string | null][]
}

/** Number and ancestors of codes, for subsumption and filters. */
export async function lineages(
  database: Queryable,
  system: number,
  codes: readonly string[],
): Promise<Map<string, { id: number; ancestors: number[] }>> {
  const rows = await database.query(LINEAGE, [system, textArray(codes.filter(isStorable))])
  return new Map(
    rows.map(([id, code, ancestors]) => [code as string, { id: id as number, ancestors: intList(ancestors) }]),
  )
}

/** Names of all concepts, a part at a time in the order of numbers. */
export async function namesAfter(database: Queryable, system: number, id: number, limit: number): Promise<NamesRow[]> {
  return (await database.query(NAMES, [system, id, limit])).map(([own, flags, code, display, names]) => ({
    id: own as number,
    flags: flags as number,
    code: code as string,
    display: display as string | null,
    names: parsed(names) as ConceptRow['names'],
  }))
}

export interface NamesRow {
  id: number
  flags: number
  code: string
  display: string | null
  names: ConceptRow['names']
}

/** A condition on concepts: SQL over the columns of the table, named `concept`, with `$3` and on for its values. */
export interface Condition {
  sql: string
  values: readonly unknown[]
}

/** Where a condition holds: the concept of one code. */
export async function conceptWhere(
  database: Queryable,
  system: number,
  code: string,
  condition: Condition,
): Promise<ConceptRow | undefined> {
  const [row] = await database.query(
    { text: `select ${COLUMNS} from terminology.concept where system = $1::int and code = $2 and (${condition.sql})` },
    [system, code, ...condition.values],
  )
  return row && conceptRow(row)
}

/** Numbers of the concepts a condition holds for, at most `limit`. */
export async function idsWhere(
  database: Queryable,
  system: number,
  condition: Condition,
  limit: number,
): Promise<number[]> {
  const found = `select id from terminology.concept where system = $1::int and (${condition.sql})`
  const text =
    condition.values.length === 0
      ? `${found} order by id limit $2::int`
      : `with found as materialized (${found}) select id from found order by id limit $2::int`
  const rows = await database.query({ text }, [system, limit, ...condition.values])
  return rows.map(([id]) => id as number)
}

function conceptRow([id, flags, children, code, display, definition, names, properties, up]: Row): ConceptRow {
  return {
    id: id as number,
    flags: flags as number,
    children: children as number,
    code: code as string,
    display: display as string | null,
    definition: definition as string | null,
    names: parsed(names) as ConceptRow['names'],
    properties: parsed(properties) as ConceptRow['properties'],
    up: parsed(up) as ConceptRow['up'],
  }
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value
}

function intList(value: unknown): number[] {
  if (Array.isArray(value)) return value as number[]
  const inner = String(value).slice(1, -1)
  return inner === '' ? [] : inner.split(',').map(Number)
}

/** Facts of a release, staged as columns. */
export interface StagedColumns {
  kinds: number[]
  codes: string[]
  a: (string | null)[]
  b: (string | null)[]
  /** JSON. */
  c: (string | null)[]
}

/** One fact, as staged. */
export interface StagedFact {
  kind: number
  code: string
  a: string | null
  b: string | null
  c: [string, string, string] | null
}

export async function addSystem(tx: Queryable, system: Omit<SystemRow, 'id' | 'concepts'>): Promise<number> {
  const [row] = await tx.query(
    {
      text: `insert into terminology.system
        (url, version, name, title, language, case_sensitive, properties, concepts, loaded, ready)
        values ($1, $2, $3, $4, $5, $6::boolean, $7::jsonb, 0, $8::bigint, false) returning id`,
    },
    [
      system.url,
      system.version,
      system.name,
      system.title,
      system.language,
      system.isCaseSensitive,
      JSON.stringify(system.properties),
      system.loaded,
    ],
  )
  return row?.[0] as number
}

export async function stage(database: Queryable, system: number, columns: StagedColumns): Promise<void> {
  await database.query(
    {
      name: 'terminology-stage',
      text: `insert into terminology.staged (system, kind, code, a, b, c)
        select $1::int, kind, code, a, b, c::jsonb
        from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[]) as given (kind, code, a, b, c)`,
    },
    [
      system,
      int2Array(columns.kinds),
      textArray(columns.codes),
      textArray(columns.a),
      textArray(columns.b),
      textArray(columns.c),
    ],
  )
}

/** Facts of the codes after `code`, in the order of codes; those of the last code may be cut. */
export async function stagedAfter(tx: Queryable, system: number, code: string, limit: number): Promise<StagedFact[]> {
  const rows = await tx.query(
    {
      name: 'terminology-staged-after',
      text: `select kind, code, a, b, c from terminology.staged
        where system = $1::int and code > $2 collate "C" order by code limit $3::int`,
    },
    [system, code, limit],
  )
  return rows.map(([kind, own, a, b, c]) => ({ kind, code: own, a, b, c: parsed(c) }) as StagedFact)
}

/** Plans of one transaction go by the index: what was staged a moment ago has no statistics yet. */
export async function planByIndex(tx: Queryable): Promise<void> {
  await tx.query({ text: 'set local enable_seqscan = off' })
  await tx.query({ text: 'set local enable_bitmapscan = off' })
  await tx.query({ text: 'set local enable_sort = off' })
}

/** Concepts as columns; lists and objects as PostgreSQL reads them. */
export interface ConceptColumns {
  ids: number[]
  flags: number[]
  children: number[]
  codes: string[]
  folded: (string | null)[]
  displays: (string | null)[]
  definitions: (string | null)[]
  names: string[]
  properties: string[]
  up: string[]
  down: string[]
  parents: string[]
  ancestors: string[]
}

export async function addConcepts(tx: Queryable, system: number, columns: ConceptColumns): Promise<void> {
  await tx.query({ name: 'terminology-add-concepts', text: ADD_CONCEPTS }, [
    system,
    int4Array(columns.ids),
    int2Array(columns.flags),
    int4Array(columns.children),
    textArray(columns.codes),
    textArray(columns.folded),
    textArray(columns.displays),
    textArray(columns.definitions),
    textArray(columns.names),
    textArray(columns.properties),
    textArray(columns.up),
    textArray(columns.down),
    textArray(columns.parents),
    textArray(columns.ancestors),
  ])
}

const ADD_CONCEPTS = `insert into terminology.concept
    (system, id, flags, children, code, folded, display, definition, names, properties, up, down, parents, ancestors)
  select $1::int, id, flags, children, code, folded, display, definition,
    names::jsonb, properties::jsonb, up::jsonb, down::jsonb, parents::int[], ancestors::int[]
  from unnest($2::int[], $3::smallint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
    as given (id, flags, children, code, folded, display, definition, names, properties, up, down, parents, ancestors)`

/** A part of the members of sets. */
export async function addMembers(
  tx: Queryable,
  system: number,
  members: readonly { set: string; concept: number }[],
): Promise<void> {
  await tx.query(
    {
      text: `insert into terminology.member (system, name, concept)
        select $1::int, name, concept from unnest($2::text[], $3::int[]) as given (name, concept) on conflict do nothing`,
    },
    [system, textArray(members.map(({ set }) => set)), int4Array(members.map(({ concept }) => concept))],
  )
}

/** Show a system that was put together, in place of an older load of the same version. */
export async function publish(tx: Queryable, system: number, concepts: number): Promise<void> {
  await tx.query(
    {
      text: `delete from terminology.system old using terminology.system new
        where new.id = $1::int and old.ready and old.url = new.url and old.version = new.version`,
    },
    [system],
  )
  await tx.query({ text: 'update terminology.system set ready = true, concepts = $2::int where id = $1::int' }, [
    system,
    concepts,
  ])
  await tx.query({ text: 'update terminology.state set revision = revision + 1' })
}

/** Measure the tables anew for the planner: seconds on a large system. */
export async function refreshStatistics(database: Queryable): Promise<void> {
  await database.query({ text: 'select terminology.refresh_statistics()' })
}

export async function clearStage(database: Queryable, system: number): Promise<void> {
  await database.query({ text: 'delete from terminology.staged where system = $1::int' }, [system])
}

/** False when there is none. */
export async function removeSystem(tx: Queryable, system: number): Promise<boolean> {
  const rows = await tx.query({ text: 'delete from terminology.system where id = $1::int returning id' }, [system])
  if (rows.length > 0) await tx.query({ text: 'update terminology.state set revision = revision + 1' })
  return rows.length > 0
}

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
  text: `select code, display from terminology.concept where system = $1::int and parents @> array[$2::int] order by id limit $3::int`,
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

export async function childrenOf(
  database: Queryable,
  system: number,
  id: number,
  limit: number,
): Promise<{ code: string; display: string | null }[]> {
  return (await database.query(CHILDREN, [system, id, limit])).map(([code, display]) => ({
    code: code as string,
    display: display as string | null,
  }))
}

/** Number and ancestors of codes, for subsumption and filters. */
export async function lineages(
  database: Queryable,
  system: number,
  codes: readonly string[],
): Promise<Map<string, { id: number; ancestors: number[] }>> {
  const rows = await database.query(LINEAGE, [system, textArray([...codes])])
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

/** A condition on concepts: SQL over the columns of the table, with `$3` and on for its values. */
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
  const rows = await database.query(
    {
      text: `select id from terminology.concept where system = $1::int and (${condition.sql}) order by id limit $2::int`,
    },
    [system, limit, ...condition.values],
  )
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
  c: (string | null)[]
  n: (number | null)[]
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
      text: `insert into terminology.staged (system, kind, code, a, b, c, n)
        select $1::int, kind, code, a, b, c::jsonb, n
        from unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[]) as given (kind, code, a, b, c, n)`,
    },
    [
      system,
      int2Array(columns.kinds),
      textArray(columns.codes),
      textArray(columns.a),
      textArray(columns.b),
      textArray(columns.c),
      int4Array(columns.n),
    ],
  )
}

/** Codes of the staged concepts, in their order: a concept's number is its place, from 1. */
export async function stagedCodes(
  database: Queryable,
  system: number,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await database.query(
    {
      name: 'terminology-staged-codes',
      text: `select distinct code collate "C" as code from terminology.staged
        where system = $1::int and kind = 1 and code collate "C" > $2 order by 1 limit $3::int`,
    },
    [system, after, limit],
  )
  return rows.map(([code]) => code as string)
}

export async function stagedParents(
  database: Queryable,
  system: number,
  after: readonly [string, string],
  limit: number,
): Promise<[string, string][]> {
  const rows = await database.query(
    {
      name: 'terminology-staged-parents',
      text: `select distinct code collate "C", a collate "C" from terminology.staged
        where system = $1::int and kind = 4 and (code collate "C", a collate "C") > ($2, $3) order by 1, 2 limit $4::int`,
    },
    [system, after[0], after[1], limit],
  )
  return rows.map(([code, parent]) => [code as string, parent as string])
}

/** Where concepts stand in the hierarchy; arrays as PostgreSQL writes them. */
export interface PlacedColumns {
  ids: number[]
  codes: string[]
  parents: string[]
  ancestors: string[]
  children: number[]
}

export async function place(database: Queryable, system: number, columns: PlacedColumns): Promise<void> {
  await database.query(
    {
      name: 'terminology-place',
      text: `insert into terminology.placed (system, id, code, parents, ancestors, children)
        select $1::int, id, code, parents::int[], ancestors::int[], children
        from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::int[]) as given (id, code, parents, ancestors, children)`,
    },
    [
      system,
      int4Array(columns.ids),
      textArray(columns.codes),
      textArray(columns.parents),
      textArray(columns.ancestors),
      int4Array(columns.children),
    ],
  )
}

/** Put the concepts `from` to `to` together from what is staged. */
export async function assemble(
  database: Queryable,
  system: number,
  { from, to, isCaseSensitive }: { from: number; to: number; isCaseSensitive: boolean },
): Promise<void> {
  await database.query({ name: 'terminology-assemble', text: ASSEMBLE }, [system, from, to, isCaseSensitive])
}

const ASSEMBLE = `
  with own as (select * from terminology.placed where system = $1::int and id between $2::int and $3::int),
  facts as (
    select own.id, s.kind, s.a, s.b, s.c, s.n from own
    join terminology.staged s on s.system = $1::int and s.code = own.code),
  concepts as (
    select id, max(n) as flags, max(a) as display, max(b) as definition from facts where kind = 1 group by id),
  designations as (
    select id,
      (array_agg(a order by n) filter (where n is not null))[1] as display,
      jsonb_agg(jsonb_build_array(a, b, c->>0, c->>1, c->>2) order by n nulls last, a) as names
    from facts where kind = 2 group by id),
  valued as (select id, a as property, jsonb_agg(b order by b) as given from facts where kind = 3 group by id, a),
  properties as (select id, jsonb_object_agg(property, given) as properties from valued group by id),
  above as (
    select own.id, jsonb_agg(jsonb_build_array(parent.code, coalesce(shown.a, named.a)) order by parent.id) as up
    from own
    join terminology.placed parent on parent.system = $1::int and parent.id = any (own.parents)
    left join lateral (
      select a from terminology.staged where system = $1::int and kind = 1 and code = parent.code and a is not null limit 1) shown on true
    left join lateral (
      select a from terminology.staged where system = $1::int and kind = 2 and code = parent.code and n is not null order by n limit 1) named on true
    group by own.id)
  insert into terminology.concept
    (system, id, flags, children, code, folded, display, definition, names, properties, up, parents, ancestors)
  select $1::int, own.id, coalesce(concepts.flags, 0), own.children, own.code,
    case when $4::boolean then null else lower(own.code) end,
    coalesce(concepts.display, designations.display), concepts.definition,
    coalesce(designations.names, '[]'), coalesce(properties.properties, '{}'), coalesce(above.up, '[]'),
    own.parents, own.ancestors
  from own left join concepts using (id) left join designations using (id)
  left join properties using (id) left join above using (id)`

export async function addMembers(database: Queryable, system: number): Promise<void> {
  await database.query(
    {
      text: `insert into terminology.member (system, name, concept)
        select distinct $1::int, s.a, p.id from terminology.staged s
        join terminology.placed p on p.system = $1::int and p.code = s.code
        where s.system = $1::int and s.kind = 5`,
    },
    [system],
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

export async function clearStage(database: Queryable, system: number): Promise<void> {
  await database.query({ text: 'delete from terminology.staged where system = $1::int' }, [system])
  await database.query({ text: 'delete from terminology.placed where system = $1::int' }, [system])
}

/** False when there is none. */
export async function removeSystem(tx: Queryable, system: number): Promise<boolean> {
  const rows = await tx.query({ text: 'delete from terminology.system where id = $1::int returning id' }, [system])
  if (rows.length > 0) await tx.query({ text: 'update terminology.state set revision = revision + 1' })
  return rows.length > 0
}

export async function analyze(database: Queryable): Promise<void> {
  await database.query({ text: 'analyze terminology.concept' })
}

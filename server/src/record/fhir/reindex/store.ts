import { type Database, int2Array, int8Array, type Part, placeholders, textArray } from '#db'
import { type StoredRow, storedRow } from '../store/rows.ts'

type Query = Pick<Database, 'query'>

/** `waiting`: until every process knows the new parameters; `walking`: through what was stored; `following`: what came meanwhile. */
export type ReindexState = 'waiting' | 'walking' | 'following' | 'done' | 'failed'

/** Indexing again what a tenant has stored of some types. */
export interface ReindexJob {
  job: number
  tenant: number
  types: number[]
  /** Search parameters that are ready when it ends. */
  numbers: number[]
  state: ReindexState
  /** The place: all before it is done. While following, `rid` is a time in ms. */
  type: number
  rid: number
  done: number
  total: number
  /** ms since 1970. */
  asked: number
  changed: number
}

const COLUMNS = 'job, tenant, types, numbers, state, type, rid, done, total, asked, changed'

/** Ask for it. Several jobs of a tenant run one after the other. */
export async function askReindex(
  database: Query,
  asked: { tenant: number; types: readonly number[]; numbers: readonly number[]; now: number },
): Promise<ReindexJob> {
  const types = [...asked.types].sort((a, b) => a - b)
  const [row] = await database.query(
    {
      text: `insert into record.reindex (tenant, types, numbers, state, asked, changed)
        values ($1, $2, $3, 'waiting', $4, $4) returning ${COLUMNS}`,
    },
    [asked.tenant, int2Array(types), int2Array([...asked.numbers]), asked.now],
  )
  return jobOf(row as unknown[])
}

/**
 * The job to go on with: of each tenant the oldest, of these the one that was worked on longest ago, so that tenants take turns.
 * Jobs that still wait are left out.
 */
export async function nextJob(database: Query, waitedSince: number): Promise<ReindexJob | undefined> {
  const [row] = await database.query(
    {
      name: 'record-reindex-next',
      text: `select ${COLUMNS} from (
          select distinct on (tenant) * from record.reindex
          where state in ('walking', 'following') or (state = 'waiting' and asked <= $1::bigint)
          order by tenant, job) oldest
        order by changed, job limit 1`,
    },
    [waitedSince],
  )
  return row && jobOf(row)
}

/** Whether any job is not at its end. */
export async function hasOpenJobs(database: Query): Promise<boolean> {
  const rows = await database.query({
    name: 'record-reindex-open',
    text: `select 1 from record.reindex where state in ('waiting', 'walking', 'following') limit 1`,
  })
  return rows.length > 0
}

/** Jobs of a tenant that are not at their end. */
export async function openJobsOf(database: Query, tenant: number): Promise<ReindexJob[]> {
  const rows = await database.query(
    {
      text: `select ${COLUMNS} from record.reindex
        where tenant = $1 and state in ('waiting', 'walking', 'following') order by job`,
    },
    [tenant],
  )
  return rows.map(jobOf)
}

/** Note that an attempt failed; gives how many have. The last one allowed ends the job. */
export async function noteFailure(
  database: Query,
  { job, attemptsMax, now }: { job: number; attemptsMax: number; now: number },
): Promise<number> {
  const [row] = await database.query(
    {
      text: `update record.reindex set failures = failures + 1, changed = $3::bigint,
          state = case when failures + 1 >= $2::int then 'failed' else state end
        where job = $1 returning failures`,
    },
    [job, attemptsMax, now],
  )
  return row?.[0] as number
}

/** A tenant's jobs, newest first, at most `limit`. */
export async function jobsOf(database: Query, tenant: number, limit: number): Promise<ReindexJob[]> {
  const rows = await database.query(
    { text: `select ${COLUMNS} from record.reindex where tenant = $1 order by job desc limit $2` },
    [tenant, limit],
  )
  return rows.map(jobOf)
}

/** Resources of these types that a tenant has stored. */
export async function countStored(database: Query, tenant: number, types: readonly number[]): Promise<number> {
  const [row] = await database.query(
    { text: 'select count(*) from record.resource where tenant = $1 and type = any($2::smallint[])' },
    [tenant, int2Array([...types])],
  )
  return row?.[0] as number
}

/** Set where a job stands without indexing anything. */
export async function setJob(
  database: Query,
  { job, state, type, rid, total, changed }: Pick<ReindexJob, 'job' | 'state' | 'type' | 'rid' | 'total' | 'changed'>,
): Promise<void> {
  await database.query(
    {
      text: 'update record.reindex set state = $2, type = $3, rid = $4, total = $5, changed = $6 where job = $1',
    },
    [job, state, type, rid, total, changed],
  )
}

/** Sealed bytes of one page, its last resource not counted: opened they are some tens of MB. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024

/** The first rows of `from` by number, up to `$limit` of them and to the bytes of a page; one at least, however large. */
function pageSql(where: string, limit: string): string {
  return `select tenant, type, rid, patient, version, updated, sealed, false from (
      select *, sum(length(sealed)) over (order by rid) - length(sealed) as before
      from (select * from record.resource where tenant = $1 and type = $2 and rid > $3 ${where} order by rid limit ${limit}) r) p
    where before < ${PAGE_BYTES_MAX} order by rid`
}

/** The next resources of the walk, by number; none behind the last. */
export async function walkPage(
  database: Query,
  of: { tenant: number; type: number; after: number; limit: number },
): Promise<StoredRow[]> {
  const statement = { name: 'record-reindex-walk', text: pageSql('', '$4') }
  return (await database.query(statement, [of.tenant, of.type, of.after, of.limit])).map(storedRow)
}

/** The next of the resources written since a time, by number. */
export async function followPage(
  database: Query,
  of: { tenant: number; type: number; since: number; after: number; limit: number },
): Promise<StoredRow[]> {
  const statement = { name: 'record-reindex-follow', text: pageSql('and updated >= $5', '$4') }
  return (await database.query(statement, [of.tenant, of.type, of.after, of.limit, of.since])).map(storedRow)
}

const PLACE_CASTS = ['bigint[]', 'text[]', 'smallint[]', 'bigint[]', 'bigint[]', 'bigint[]'] as const

/** Where jobs stand, written with what they indexed. */
export function jobsPart(jobs: readonly ReindexJob[]): Part {
  return {
    name: 'reindex_jobs',
    text: (
      first,
    ) => `update record.reindex j set state = u.state, type = u.type, rid = u.rid, done = u.done, changed = u.changed
      from unnest(${placeholders(first, PLACE_CASTS)}) u(job, state, type, rid, done, changed) where j.job = u.job`,
    values: [
      int8Array(jobs.map(({ job }) => job)),
      textArray(jobs.map(({ state }) => state)),
      int2Array(jobs.map(({ type }) => type)),
      int8Array(jobs.map(({ rid }) => rid)),
      int8Array(jobs.map(({ done }) => done)),
      int8Array(jobs.map(({ changed }) => changed)),
    ],
  }
}

/** One process works at a time, on a session of its own: PostgreSQL gives the lock back when that session ends. */
export async function takeWork(session: Query): Promise<boolean> {
  const [row] = await session.query({ text: 'select pg_try_advisory_lock(1919247204, 2)' })
  return row?.[0] === true
}

function jobOf(row: readonly unknown[]): ReindexJob {
  const [job, tenant, types, numbers, state, type, rid, done, total, asked, changed] = row as [
    number,
    number,
    number[],
    number[],
    ReindexState,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { job, tenant, types, numbers, state, type, rid, done, total, asked, changed }
}

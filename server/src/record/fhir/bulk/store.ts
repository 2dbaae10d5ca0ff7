import type { Composer } from '#audit'
import { type Database, int2Array, int4Array, int8Array, type Part, placeholders, textArray } from '#db'
import { type Job, type JobKind, PAGE, type Page, STATE } from './bulk-job.ts'

type Query = Pick<Database, 'query'>

const JOB_COLUMNS =
  'number, tenant, kind, state, client, created, expires, finished, lease, failures, resources, refused, pages, code, cursor, request'

function jobOf(row: readonly unknown[]): Job {
  const [number, tenant, kind, state, client, created, expires, finished, lease, failures, resources, ...rest] = row
  const [refused, pages, code, cursor, request] = rest
  return {
    number,
    tenant,
    kind,
    state,
    client,
    created,
    expires,
    finished,
    lease,
    failures,
    resources,
    refused,
    pages,
    code,
    cursor,
    request,
  } as Job
}

/** A job that is asked for, with the pages an import brings along. */
export interface NewJob {
  number: number
  tenant: number
  kind: JobKind
  client: string
  created: number
  expires: number
  turn: number
  cursor: string
  request: Buffer
}

/** How far a job has come, with the page that was made on the way. */
export interface Step {
  job: Pick<Job, 'number' | 'lease'>
  cursor: string
  resources: number
  refused: number
  leaseUntil: number
  /** Ms since 1970 when this was the last step. */
  finished?: number
  page?: Omit<Page, 'lease'>
}

const STEP_CASTS = ['bigint[]', 'bigint[]', 'text[]', 'bigint[]', 'bigint[]', 'bigint[]', 'bigint[]', 'int[]'] as const
const PAGE_CASTS = [
  'bigint[]',
  'bigint[]',
  'int[]',
  'smallint[]',
  'int[]',
  'smallint[]',
  'int[]',
  'int[]',
  'int[]',
  'int[]',
  'bigint[]',
] as const

/** Steps of jobs, in the commit of their audit records: whoever does not hold the lease any more writes nothing (guard). */
export const stepComposer: Composer<Step> = {
  parts(steps) {
    const pages = steps.flatMap(({ job, page }) => (page ? [{ ...page, job }] : []))
    return [stepPart(steps), ...(pages.length > 0 ? [pagePart(pages)] : [])]
  },
}

function stepPart(steps: readonly Step[]): Part {
  return {
    name: 'bulk_step',
    text: (first) => `update record.bulk_job j set cursor = u.cursor, resources = j.resources + u.resources,
      refused = j.refused + u.refused, lease_until = u.lease_until, finished = u.finished, failures = 0,
      pages = j.pages + u.pages, state = case when u.finished > 0 then ${STATE.finished} else j.state end
      from unnest(${placeholders(first, STEP_CASTS)}) u(number, lease, cursor, resources, refused, lease_until, finished, pages)
      where j.number = u.number and j.lease = u.lease and j.state = ${STATE.active} returning 1`,
    values: [
      int8Array(steps.map(({ job }) => job.number)),
      int8Array(steps.map(({ job }) => job.lease)),
      textArray(steps.map(({ cursor }) => cursor)),
      int8Array(steps.map(({ resources }) => resources)),
      int8Array(steps.map(({ refused }) => refused)),
      int8Array(steps.map(({ leaseUntil }) => leaseUntil)),
      int8Array(steps.map(({ finished = 0 }) => finished)),
      int4Array(steps.map(({ page }) => (page ? 1 : 0))),
    ],
    check: (first) => `record.guard(cardinality($${first}::bigint[]), (select count(*) from bulk_step))`,
  }
}

/** Lists of patients travel flat and are sliced again by position. */
function pagePart(pages: readonly (Omit<Page, 'lease'> & { job: Step['job'] })[]): Part {
  let next = 1
  const starts = pages.map(({ patients }) => {
    const start = next
    next += patients.length
    return start
  })
  return {
    name: 'bulk_page',
    text: (first) => `insert into record.bulk_page (job, lease, seq, kind, file, type, resources, bytes, patients)
      select u.job, u.lease, u.seq, u.kind, u.file, u.type, u.resources, u.bytes,
        ($${first + PAGE_CASTS.length - 1}::bigint[])[u.start : u.start + u.count - 1]
      from unnest(${placeholders(first, PAGE_CASTS.slice(0, -1))}) u(job, lease, seq, kind, file, type, resources, bytes, start, count)`,
    values: [
      int8Array(pages.map(({ job }) => job.number)),
      int8Array(pages.map(({ job }) => job.lease)),
      int4Array(pages.map(({ seq }) => seq)),
      int2Array(pages.map(({ kind }) => kind)),
      int4Array(pages.map(({ file }) => file)),
      int2Array(pages.map(({ type }) => type)),
      int4Array(pages.map(({ resources }) => resources)),
      int4Array(pages.map(({ bytes }) => bytes)),
      int4Array(starts),
      int4Array(pages.map(({ patients }) => patients.length)),
      int8Array(pages.flatMap(({ patients }) => patients)),
    ],
  }
}

/** New jobs, in the commit of the audit record that tells who asked. */
export const jobComposer: Composer<NewJob> = {
  parts: (jobs) =>
    jobs.map((job, index) => ({
      name: `bulk_job_${index}`,
      text: (
        first,
      ) => `insert into record.bulk_job (number, tenant, kind, state, client, created, expires, turn, cursor, request)
        select ${placeholders(first, ['bigint', 'int', 'smallint'])}, ${STATE.active},
          ${placeholders(first + 3, ['text', 'bigint', 'bigint', 'bigint', 'text', 'bytea'])}`,
      values: [
        job.number,
        job.tenant,
        job.kind,
        job.client,
        job.created,
        job.expires,
        job.turn,
        job.cursor,
        job.request,
      ],
    })),
}

/** How a job ends that is not done: by its client, or because it cannot go on. */
export interface JobEnd {
  number: number
  /** Only while this lease holds and the job is under way; undefined: whatever is done with it now. */
  lease?: number
  state: typeof STATE.failed | typeof STATE.ended
  code: string
  now: number
}

/** Ends of jobs, in the commit of the audit record that tells of it. What somebody else has or had ended loses the race (guard). */
export const endComposer: Composer<JobEnd> = {
  parts: (ends) => [
    {
      name: 'bulk_end',
      text: (first) => `update record.bulk_job j set state = u.state, code = u.code, finished = u.finished,
        lease = j.lease + 1, lease_until = 0
        from unnest(${placeholders(first, END_CASTS)}) u(number, lease, state, code, finished)
        where j.number = u.number and j.state <> ${STATE.ended} and (u.lease < 0 or (j.lease = u.lease and j.state = ${STATE.active}))
        returning 1`,
      values: [
        int8Array(ends.map(({ number }) => number)),
        int8Array(ends.map(({ lease = -1 }) => lease)),
        int2Array(ends.map(({ state }) => state)),
        textArray(ends.map(({ code }) => code)),
        int8Array(ends.map(({ now }) => now)),
      ],
      check: (first) => `record.guard(cardinality($${first}::bigint[]), (select count(*) from bulk_end))`,
    },
  ],
}

const END_CASTS = ['bigint[]', 'bigint[]', 'smallint[]', 'text[]', 'bigint[]'] as const

/**
 * Bytes of a page, before the commit that makes it known. Written for the holder of the lease only, and never over a known page.
 * Whoever raises the lease waits for it (`for share`), and finds what it wrote.
 */
export async function insertChunk(
  database: Query,
  chunk: { job: number; lease: number; seq: number; sealed: Buffer },
): Promise<void> {
  await database.query(
    {
      text: `with held as (select from record.bulk_job where number = $1 and lease = $2 and state = ${STATE.active} for share)
        insert into record.bulk_chunk (job, lease, seq, sealed) select $1::bigint, $2::bigint, $3::int, $4::bytea from held
        on conflict (job, seq, lease) do update set sealed = excluded.sealed
        where not exists (select from record.bulk_page p where p.job = $1 and p.seq = $3 and p.lease = $2)`,
    },
    [chunk.job, chunk.lease, chunk.seq, chunk.sealed],
  )
}

/** A page of what an import was given, before its job is opened. */
export async function insertInput(
  database: Query,
  input: { job: number; seq: number; file: number; bytes: number; sealed: Buffer },
): Promise<void> {
  await database.query(
    {
      text: `with chunk as (insert into record.bulk_chunk (job, lease, seq, sealed) values ($1, 0, $2, $5))
        insert into record.bulk_page (job, lease, seq, kind, file, type, resources, bytes, patients)
        values ($1, 0, $2, ${PAGE.input}, $3, 0, 0, $4, '{}')`,
    },
    [input.job, input.seq, input.file, input.bytes, input.sealed],
  )
}

/** A job whose input is complete may be taken from now on. */
export async function openJob(database: Query, job: number, at: { turn: number; pages: number }): Promise<void> {
  await database.query({ text: 'update record.bulk_job set turn = $2, pages = $3 where number = $1' }, [
    job,
    at.turn,
    at.pages,
  ])
}

/** The job of a client; undefined when it is another's, or is to be removed. */
export async function findJob(
  database: Query,
  of: { number: number; tenant: number; client: string; now: number },
): Promise<Job | undefined> {
  const rows = await database.query(
    {
      name: 'record-bulk-job',
      text: `select ${JOB_COLUMNS} from record.bulk_job
        where number = $1 and tenant = $2 and client = $3 and state <> ${STATE.ended} and expires > $4`,
    },
    [of.number, of.tenant, of.client, of.now],
  )
  return rows.map(jobOf)[0]
}

/** How many jobs there are under way and kept, of the client and of the tenant. */
export async function countJobs(
  database: Query,
  of: { tenant: number; client: string; now: number },
): Promise<{ activeOfClient: number; keptOfClient: number; activeOfTenant: number }> {
  const [row] = await database.query(
    {
      name: 'record-bulk-count',
      text: `select count(*) filter (where client = $2 and state = ${STATE.active}), count(*) filter (where client = $2),
        count(*) filter (where state = ${STATE.active})
        from record.bulk_job where tenant = $1 and state <> ${STATE.ended} and expires > $3`,
    },
    [of.tenant, of.client, of.now],
  )
  const [activeOfClient, keptOfClient, activeOfTenant] = row as [number, number, number]
  return { activeOfClient, keptOfClient, activeOfTenant }
}

/** Take the job that has waited longest and that nobody holds; two processes never take the same. */
export async function claimJob(
  database: Query,
  at: { now: number; until: number; not: readonly number[]; kinds: readonly JobKind[] },
): Promise<Job | undefined> {
  const rows = await database.query(
    {
      name: 'record-bulk-claim',
      text: `update record.bulk_job set lease = lease + 1, lease_until = $2 where number = (
          select number from record.bulk_job where state = ${STATE.active} and turn <= $1 and lease_until <= $1 and expires > $1
            and number <> all ($3::bigint[]) and kind = any ($4::smallint[])
          order by turn, number for update skip locked limit 1)
        returning ${JOB_COLUMNS}`,
    },
    [at.now, at.until, int8Array([...at.not]), int2Array([...at.kinds])],
  )
  return rows.map(jobOf)[0]
}

/** Hold a job longer; false when it was lost. */
export async function renewLease(database: Query, job: Pick<Job, 'number' | 'lease'>, until: number): Promise<boolean> {
  const rows = await database.query(
    {
      name: 'record-bulk-renew',
      text: `update record.bulk_job set lease_until = $3 where number = $1 and lease = $2 and state = ${STATE.active} returning 1`,
    },
    [job.number, job.lease, until],
  )
  return rows.length > 0
}

/** Give a job back: it goes on at `turn`. */
export async function releaseJob(
  database: Query,
  job: Pick<Job, 'number' | 'lease' | 'cursor' | 'failures'>,
  turn: number,
): Promise<void> {
  await database.query(
    {
      name: 'record-bulk-release',
      text: `update record.bulk_job set lease_until = 0, turn = $3, cursor = $4, failures = $5
        where number = $1 and lease = $2 and state = ${STATE.active}`,
    },
    [job.number, job.lease, turn, job.cursor, job.failures],
  )
}

/** From now on nobody finds these jobs, and nobody works on them. */
export async function endJobs(database: Query, numbers: readonly number[]): Promise<void> {
  await database.query(
    {
      text: `update record.bulk_job set state = ${STATE.ended}, lease = lease + 1, lease_until = 0 where number = any ($1::bigint[])`,
    },
    [int8Array([...numbers])],
  )
}

/** Jobs whose time is over. */
export async function endExpired(database: Query, now: number): Promise<void> {
  await database.query(
    {
      text: `update record.bulk_job set state = ${STATE.ended}, lease = lease + 1 where state <> ${STATE.ended} and expires <= $1`,
    },
    [now],
  )
}

/** Ended jobs that are still there. */
export async function endedJobs(database: Query, limit: number): Promise<number[]> {
  const rows = await database.query(
    { text: `select number from record.bulk_job where state = ${STATE.ended} limit $1` },
    [limit],
  )
  return rows.map(([number]) => number as number)
}

/** Some chunks of what an import was given, which lie under lease 0; false when there are none left. */
export async function removeInput(database: Query, job: number, limit: number): Promise<boolean> {
  const rows = await database.query(
    {
      text: `delete from record.bulk_chunk where lease = 0 and (job, seq) in
        (select job, seq from record.bulk_chunk where job = $1 and lease = 0 limit $2) returning 1`,
    },
    [job, limit],
  )
  return rows.length === limit
}

/**
 * What former holders of a job wrote and did not make known: nobody reads it any more. A finished job has no holder.
 */
const STRAYS = `delete from record.bulk_chunk c using record.bulk_job j where j.number = c.job
  and (c.lease < j.lease or j.state <> ${STATE.active})
  and not exists (select from record.bulk_page p where p.job = c.job and p.seq = c.seq and p.lease = c.lease)`

export async function removeStrays(database: Query, job: number): Promise<void> {
  await database.query({ name: 'record-bulk-strays', text: `${STRAYS} and j.number = $1` }, [job])
}

/** The same for all jobs of a tenant. */
export async function removeStraysOf(database: Query, tenant: number): Promise<void> {
  await database.query({ text: `${STRAYS} and j.tenant = $1` }, [tenant])
}

/** Some chunks of a job; false when there are none left. */
export async function removeChunks(database: Query, job: number, limit: number): Promise<boolean> {
  const rows = await database.query(
    {
      text: `delete from record.bulk_chunk where (job, seq, lease) in
        (select job, seq, lease from record.bulk_chunk where job = $1 limit $2) returning 1`,
    },
    [job, limit],
  )
  return rows.length === limit
}

/** A job without chunks, and its pages. */
export async function removeJob(database: Query, job: number): Promise<void> {
  await database.query({ text: `delete from record.bulk_job where number = $1 and state = ${STATE.ended}` }, [job])
}

/** Jobs of a tenant whose pages hold data of one of `patients`. */
export async function jobsOfPatients(database: Query, tenant: number, patients: readonly number[]): Promise<number[]> {
  const rows = await database.query(
    {
      text: `select distinct p.job from record.bulk_page p join record.bulk_job j on j.number = p.job
        where j.tenant = $1 and p.patients && $2::bigint[]`,
    },
    [tenant, int8Array([...patients])],
  )
  return rows.map(([job]) => job as number)
}

/** Whoever works on a job of the tenant has to take it up again: what was opened before is not written any more. */
export async function fenceJobs(database: Query, tenant: number): Promise<void> {
  await database.query(
    {
      text: `update record.bulk_job set lease = lease + 1, lease_until = 0 where tenant = $1 and state = ${STATE.active}`,
    },
    [tenant],
  )
}

/** One file of a job. */
export interface FileSummary {
  file: number
  kind: number
  type: number
  resources: number
  bytes: number
}

export async function filesOf(database: Query, job: number): Promise<FileSummary[]> {
  const rows = await database.query(
    {
      text: `select file, min(kind), min(type), sum(resources)::bigint, sum(bytes)::bigint from record.bulk_page
        where job = $1 and kind <> ${PAGE.input} group by file order by file`,
    },
    [job],
  )
  return (rows as [number, number, number, number, number][]).map(([file, kind, type, resources, bytes]) => ({
    file,
    kind,
    type,
    resources: Number(resources),
    bytes: Number(bytes),
  }))
}

/** The next page of a file behind `after`, with its bytes; undefined at its end, or when the job is not there any more. */
export async function nextPage(
  database: Query,
  of: { job: number; file: number; after: number; now: number },
): Promise<{ page: Page; sealed: Buffer } | undefined> {
  const rows = await database.query(
    {
      name: 'record-bulk-page',
      text: `select p.seq, p.lease, p.kind, p.file, p.type, p.resources, p.bytes, p.patients, c.sealed
        from record.bulk_page p join record.bulk_chunk c on c.job = p.job and c.seq = p.seq and c.lease = p.lease
        join record.bulk_job j on j.number = p.job
        where p.job = $1 and p.file = $2 and p.seq > $3 and j.state <> ${STATE.ended} and j.expires > $4
        order by p.seq limit 1`,
    },
    [of.job, of.file, of.after, of.now],
  )
  const [row] = rows
  if (!row) return undefined
  const [seq, lease, kind, file, type, resources, bytes, patients, sealed] = row
  const numbers = (patients as string[]).map(Number)
  return {
    page: { seq, lease, kind, file, type, resources, bytes, patients: numbers } as Page,
    sealed: sealed as Buffer,
  }
}

import { type AuditRecord, RACE_LOST } from '#audit'
import { eventLoopTurns, FaultError } from '#kernel'
import { addIndexRows, searchColumns } from '../store/index-rows.ts'
import { openRows } from '../store/open-row.ts'
import { indexWith, ownerIds } from '../store/prepare-rows.ts'
import type { RecordStore } from '../store/record-store.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import { noRows, type StoredRow, type WriteRows } from '../store/rows.ts'
import { recordComposer } from '../store/store.ts'
import type { Resource } from '../store/write-request.ts'
import { countStored, followPage, type ReindexJob, setJob, walkPage } from './store.ts'

export interface ReindexOptions {
  /** How long a process may not know of a new parameter. Nothing is walked before. */
  settleMs: number
  /** Resources of one commit. */
  pageRows: number
}

/** Attempts at one page whose resources others keep writing. */
const ATTEMPTS_MAX = 10
/** How long one job goes on before the next tenant's gets its turn. */
const TURN_MS = 1_000
/** Longest a write takes from learning which parameters there are to its commit: what is newer is looked at again at the end. */
const WRITE_MS_MAX = 60_000

/** Go on with a job from its place, for a while: others wait for their turn. */
export async function runJob(
  store: RecordStore,
  job: ReindexJob,
  { pageRows, isStopped }: Pick<ReindexOptions, 'pageRows'> & { isStopped(): boolean },
): Promise<void> {
  let at = job
  if (at.state === 'waiting') {
    const total = await countStored(store.database, at.tenant, at.types)
    at = { ...at, state: 'walking', total, type: at.types[0] ?? 0, rid: 0, changed: store.clock.now() }
    await setJob(store.database, at)
  }
  const end = store.clock.monotonic() + TURN_MS
  while ((at.state === 'walking' || at.state === 'following') && !isStopped() && store.clock.monotonic() < end)
    at = await nextPage(store, at, { since: job.asked - WRITE_MS_MAX, pageRows })
}

async function nextPage(
  store: RecordStore,
  job: ReindexJob,
  { since, pageRows }: { since: number; pageRows: number },
): Promise<ReindexJob> {
  const { tenant, type } = job
  for (let attempt = 1; ; attempt++) {
    const of = { tenant, type, after: job.rid, limit: pageRows }
    const page =
      job.state === 'walking' ? await walkPage(store.database, of) : await followPage(store.database, { ...of, since })
    const next = placeAfter(job, page, store.clock.now())
    try {
      await store.ledger.commit({
        records: page.length === 0 ? [] : [auditOf(store, job, page)],
        write: { composer: recordComposer, rows: await indexedAgain(store, page, next) },
      })
      return next
    } catch (error) {
      // Somebody wrote one of them meanwhile: what is there now is looked at.
      const lost = error instanceof FaultError && error.fault.code === RACE_LOST.code
      if (!lost || attempt >= ATTEMPTS_MAX) throw error
    }
  }
}

/** Behind the last resource of a type comes the next type, after the last type the same again for what was written meanwhile. */
function placeAfter(job: ReindexJob, page: readonly StoredRow[], now: number): ReindexJob {
  const done = job.state === 'walking' ? job.done + page.length : job.done
  const at = { ...job, done, changed: now }
  const last = page.at(-1)
  if (last) return { ...at, rid: last.rid }
  const following = job.types[job.types.indexOf(job.type) + 1]
  if (following !== undefined) return { ...at, type: following, rid: 0 }
  if (job.state === 'walking') return { ...at, state: 'following', type: job.types[0] ?? 0, rid: 0 }
  return { ...at, state: 'done' }
}

async function indexedAgain(store: RecordStore, page: readonly StoredRow[], job: ReindexJob): Promise<WriteRows> {
  const rows = noRows()
  rows.jobs.push(job)
  const turn = eventLoopTurns(store.clock)
  const bodies = await openRows(store, page)
  const drafts: { resource: Resource; patient: number; row: StoredRow }[] = []
  for (const [index, row] of page.entries()) {
    const body = bodies[index]
    // What belonged to an erased patient cannot be opened, and is not found any more.
    if (body) drafts.push({ resource: JSON.parse(body.toString()) as Resource, patient: row.patient, row })
    await turn()
  }
  const ids = new ResolvedIds(store, job.tenant)
  const owners = drafts.map(({ resource }) => ownerIds(resource))
  await ids.resolve(owners.flat(), { create: true })
  const indexed = await indexWith(store, job.tenant, { drafts, owners, ids })
  for (const [place, { row }] of drafts.entries()) {
    const index = indexed[place]
    if (!index) continue
    rows.reindexed.push({ ...row, ...searchColumns(index), expected: row.version, sealed: NO_BODY })
    addIndexRows(rows, { ...row, lo: index.lo }, index, ids)
  }
  rows.aliases = ids.aliases
  return rows
}

/** The body stays as it is. */
const NO_BODY = Buffer.alloc(0)

/** Opening a body is an access, whoever does it. */
function auditOf({ clock }: RecordStore, job: ReindexJob, page: readonly StoredRow[]): AuditRecord {
  return {
    at: clock.now(),
    tenant: job.tenant,
    client: '',
    actor: 'salus-reindex',
    requestId: `reindex-${job.job}`,
    purpose: '',
    action: 'admin',
    outcome: 'success',
    type: job.type,
    rid: 0,
    version: 0,
    patients: [...new Set(page.map(({ patient }) => patient).filter((patient) => patient !== 0))],
    count: page.length,
  }
}

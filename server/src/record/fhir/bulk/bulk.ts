import type { Clock, Log, OutboundGet } from '#kernel'
import type { Handler } from '../rest/exchange.ts'
import type { SearchDeps } from '../search/index.ts'
import type { WriteDependencies } from '../store/apply-writes.ts'
import type { RecordStore } from '../store/record-store.ts'
import { KIND } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { bulkJob } from './job-status.ts'
import type { ForClients } from './require-enabled.ts'
import { runExport } from './run-export.ts'
import { runImport } from './run-import.ts'
import { startJobs } from './run-jobs.ts'
import { startExport } from './start-export.ts'
import { startImport } from './start-import.ts'

export interface BulkOptions extends WriteDependencies, ForClients {
  search: SearchDeps
  outbound: OutboundGet
  /** How long the files of a job are kept, ms. */
  keepMs: number
  clock: Clock
  log: Log
}

export interface Bulk {
  /** `$export` and `$import`; every other operation is `others`'. */
  operations(others: Handler): Handler
  /** What lies below `_bulk`. */
  jobs: Handler
  close(): Promise<void>
}

/**
 * Bulk data of one process: takes jobs, and works on those of all processes. https://hl7.org/fhir/uv/bulkdata/STU2/
 */
export function openBulk(options: BulkOptions): Bulk {
  const { clock, log, isEnabled } = options
  const store = apart(options.store)
  const search = { ...options.search, database: store.database }
  const runner = startJobs({
    // Leases do not wait behind the pages.
    store: options.store,
    clock,
    log,
    run: {
      [KIND.export]: (held) => runExport({ store, search, isEnabled }, held),
      [KIND.import]: (held) => runImport({ ...options, store }, held),
    },
  })
  return {
    operations: (others) => async (caller, request) => {
      const name = request.path.at(-1)
      if (name !== '$export' && name !== '$import') return others(caller, request)
      const answer =
        name === '$export' ? await startExport(options, caller, request) : await startImport(options, caller, request)
      runner.wake(name === '$export' ? BULK_LIMITS.settleMs + 1 : 0)
      return answer
    },
    jobs: (caller, request) => bulkJob(options, caller, request),
    close: () => runner.close(),
  }
}

/** On whose behalf the statements of jobs run: together they have the share of one client. */
const SHARE = 'bulk jobs'

/**
 * The record for jobs: their statements never stand before the short named ones of interactive requests, and take a third of the
 * connections for long ones at most.
 */
function apart(store: RecordStore): RecordStore {
  const { database } = store
  return {
    ...store,
    database: {
      query: ({ text }, values) => database.query({ text }, values, SHARE),
      transaction: (work) => database.transaction(work),
      connect: () => database.connect(),
      healthy: () => database.healthy(),
      close: () => database.close(),
    },
  }
}

/** As the CapabilityStatement names them. */
export const BULK_OPERATIONS: readonly {
  name: string
  definition: string
  byType?: Readonly<Record<string, { definition: string }>>
  levels: readonly ('system' | 'type' | 'instance')[]
  types: readonly string[]
}[] = [
  {
    name: 'export',
    definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export',
    byType: {
      Patient: { definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export' },
      Group: { definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export' },
    },
    levels: ['system', 'type', 'instance'],
    types: ['Patient', 'Group'],
  },
  { name: 'import', definition: 'https://salus.health/OperationDefinition/import', levels: ['system'], types: [] },
]

import { randomUUID } from 'node:crypto'
import { type AuditRecord, type Checkpointer, type Ledger, openLedger, startCheckpoints } from '#audit'
import { type Database, openDatabase } from '#db'
import { type ActBy, openPatientRecords, PATIENT_TYPE, type PatientRecords, sealDetail } from '#fhir'
import { type Clock, type Config, type Log, systemClock } from '#kernel'
import { openVault, type Vault } from '#vault'
import { type AdminDatabase, openAdminDatabase, requireMigrated } from './admin-database.ts'

/** What an administrator's command is run with. */
export interface AdminOptions {
  config: Config
  log: Log
  /** Name of the person at the terminal, for the audit. */
  operator: string
  clock?: Clock
}

/** The record as an administrator's command works on it: beside running servers, or alone. */
export interface Admin {
  config: Config
  clock: Clock
  log: Log
  /** Owner's URL. */
  databaseUrl: string
  /** Servers may be working on the same database. */
  isShared: boolean
  database: Database
  ledger: Ledger
  vault: Vault
  patients: PatientRecords
  checkpointer: Checkpointer
  /** Who acts; `text` becomes the sealed detail of the audit record. */
  by(tenant: number, text: string): ActBy
  /** Record that `act` begins, do `work`, record how it ended. When the first record cannot be written nothing is done. */
  act<T>(act: Act, work: () => Promise<T>): Promise<T>
  /** Signs what was recorded, unless a running server does that, and gives everything back. */
  close(): Promise<void>
}

/** An administrator's act, for the audit. */
export interface Act {
  action: 'key' | 'admin'
  tenant: number
  /** The command in words; sealed. */
  text: string
  /** Number of the patient it is about. */
  patient?: number
}

/** Connections of a command: it does one thing at a time. */
const CONNECTIONS = 2
/** Commands go through whole tables: no limit of a request applies. */
const STATEMENT_TIMEOUT_MS = 0

/** Acts that concern the whole installation are recorded with the default tenant. */
export const DEFAULT_TENANT = 1

/** Client id in the audit records of all commands. */
const CLIENT = 'cli'

/** Where the checkpoints of this installation are anchored. */
export function anchorDirectory(config: Config): string {
  return config.get('SALUS_AUDIT_ANCHOR_DIR') ?? config.dataPath('anchors')
}

/** Open a database as the application, for one command. */
export function openForCommand(url: string, log: Log, role: 'app' | 'owner' = 'app'): Promise<Database> {
  return openDatabase({ url, connections: CONNECTIONS, statementTimeoutMs: STATEMENT_TIMEOUT_MS, role, log })
}

/** Open everything a command that acts on the record needs. Faults of each part; what was opened is closed again. */
export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const place = await openAdminDatabase(options)
  try {
    await requireMigrated(place.url)
    return await openAdminOn(place, options)
  } catch (error) {
    await place.close()
    throw error
  }
}

/** As `openAdmin`, on a database that was found already; closing the result closes it. */
export async function openAdminOn(place: AdminDatabase, options: AdminOptions): Promise<Admin> {
  const { config, log, clock = systemClock } = options
  const closers: (() => Promise<void>)[] = [() => place.close()]
  const close = async (): Promise<void> => {
    // One that fails must not leave the others open: the command would never end.
    const ends = closers.splice(0).reverse()
    const failures: unknown[] = []
    for (const end of ends) await end().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
  const opened = async (url: string): Promise<Database> => {
    const database = await openForCommand(url, log)
    closers.push(() => database.close())
    return database
  }
  try {
    const database = await opened(place.url)
    const keystoreUrl = config.get('SALUS_KEYSTORE_DATABASE_URL')
    const vault = await openVault({
      database: keystoreUrl === undefined ? database : await opened(keystoreUrl),
      config,
      clock,
      log,
    })
    closers.push(() => vault.close())
    const checkpointer = await startCheckpoints({
      database,
      clock,
      log,
      keyDirectory: config.dataPath('keys'),
      anchorDirectory: anchorDirectory(config),
    })
    closers.push(() => checkpointer.close())
    const ledger = await openLedger({ database, clock, log })
    closers.push(() => ledger.close())
    const patients = openPatientRecords({ database, ledger, vault, clock })
    const parts = { config, clock, log, databaseUrl: place.url, isShared: place.isShared }
    return {
      ...parts,
      database,
      ledger,
      vault,
      patients,
      checkpointer,
      ...audited({ ...options, clock, ledger, vault }),
      close,
    }
  } catch (error) {
    closers.shift()
    await close()
    throw error
  }
}

function audited(on: { operator: string; clock: Clock; ledger: Ledger; vault: Vault }): Pick<Admin, 'by' | 'act'> {
  const requestId = randomUUID()
  const by: Admin['by'] = (tenant, text) => ({
    client: CLIENT,
    actor: on.operator,
    requestId,
    detail: sealDetail(on.vault, tenant, text),
  })
  const record = (act: Act, outcome: AuditRecord['outcome'], ending: string): Promise<void> =>
    on.ledger.record({
      ...by(act.tenant, `${act.text}: ${ending}`),
      at: on.clock.now(),
      tenant: act.tenant,
      purpose: '',
      action: act.action,
      outcome,
      type: act.patient === undefined ? 0 : PATIENT_TYPE,
      rid: act.patient ?? 0,
      version: 0,
      patients: act.patient === undefined ? [] : [act.patient],
      count: 0,
    })
  return {
    by,
    async act(act, work) {
      await on.vault.ensureTenant(act.tenant)
      await record(act, 'success', 'begun')
      try {
        const result = await work()
        await record(act, 'success', 'done')
        return result
      } catch (error) {
        // What went wrong matters more than that it could not be recorded either.
        await record(act, 'failed', 'failed').catch(() => undefined)
        throw error
      }
    },
  }
}

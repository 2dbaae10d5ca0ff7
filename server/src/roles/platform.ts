import {
  type AuditRecord,
  type Checkpointer,
  type Ledger,
  openLedger,
  startArchive,
  startCheckpoints,
  startIndexer,
} from '#audit'
import { type Database, openDatabase } from '#db'
import { type HeldDefinitions, openDefinitions } from '#definitions'
import { type Fhir, openFhir, openPatientRecords } from '#fhir'
import { type Identity, openIdentity } from '#identity'
import { type Clock, type Config, errorFields, type Log, outboundGet, raise, VERSION } from '#kernel'
import { openTerminology, type Terminology } from '#terminology'
import { openVault, type Vault } from '#vault'
import { type CountedRefusals, countedRefusals } from './counted-refusals.ts'
import { startErasureSweep } from './erasure-sweep.ts'
import { startTracing } from './tracing.ts'

/** Everything one server process runs on, in the order of the floors. */
export interface Platform {
  database: Database
  ledger: Ledger
  checkpointer: Checkpointer
  vault: Vault
  identity: Identity
  definitions: HeldDefinitions
  terminology: Terminology
  fhir: Fhir
  /** Lets work under way finish, then gives everything back. */
  close(): Promise<void>
}

export interface PlatformOptions {
  config: Config
  /** Owner URL of the migrated database. */
  databaseUrl: string
  /** Public address without a path. */
  origin: string
  clock: Clock
  log: Log
  unsafe?: Unsafe
}

/** For benchmarks, and the canary's proof that it can fail. No setting leads here, and production refuses both. */
export interface Unsafe {
  plaintext?: boolean
  withoutAudit?: boolean
}

/** Open all parts against a migrated database. Faults of each part; what was opened is closed again. */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const { config, clock, log, origin } = options
  const closers: Closer[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const ground = await openGround(options, closers)
    const { database, ledger, vault } = ground
    const patients = openPatientRecords({ database, ledger, vault, clock })
    closers.push(await startErasureSweep({ vault, patients, clock, log }))
    const { unknown, ...audit } = loginAudit(ledger, clock)
    closers.push(() => unknown.close())
    const identity = await openIdentity({
      database,
      sealer: vault,
      issuer: origin,
      fhirBase: `${origin}/fhir/R4`,
      tokenTtlSeconds: config.integer('SALUS_TOKEN_TTL_SECONDS'),
      clock,
      log,
      ...audit,
    })
    const definitions = await openDefinitions({ database, log })
    closers.push(() => definitions.close())
    const endpoint = config.get('OTEL_EXPORTER_OTLP_ENDPOINT')
    const tracing = endpoint === undefined ? undefined : await startTracing(endpoint)
    if (tracing) closers.push(() => tracing.close())
    const traced = tracing ? { startSpan: tracing.startSpan } : {}
    const terminology = await openTerminology({ database, ledger, definitions, clock, log })
    closers.push(async () => terminology.close())
    const fhir = openFhir({
      database,
      ledger,
      vault,
      identity,
      definitions,
      terminology,
      clock,
      log,
      origin,
      version: VERSION,
      bulk: {
        keepMs: config.integer('SALUS_BULK_KEEP_HOURS') * HOUR_MS,
        outbound: outboundGet({ allow: config.get('SALUS_IMPORT_ALLOW') ?? '' }),
      },
      ...traced,
    })
    closers.push(() => fhir.close())
    return { ...ground, identity, definitions, terminology, fhir, close }
  } catch (error) {
    await close()
    throw error
  }
}

const HOUR_MS = 3_600_000

type Closer = () => Promise<void>

/** Database, ledger, vault and the audit's background work; how to close each is added to `closers` as it is opened. */
async function openGround(
  options: PlatformOptions,
  closers: Closer[],
): Promise<Pick<Platform, 'database' | 'ledger' | 'vault' | 'checkpointer'>> {
  const { config, clock, log, unsafe = {} } = options
  if (config.production && (unsafe.plaintext || unsafe.withoutAudit))
    raise({
      category: 'invalid',
      code: 'roles.unsafe-in-production',
      message: 'Sealing and audit cannot be switched off in production.',
    })
  const open = async (url: string): Promise<Database> => {
    const opened = await openDatabase({
      url,
      connections: config.integer('SALUS_DB_CONNECTIONS'),
      statementTimeoutMs: config.integer('SALUS_STATEMENT_TIMEOUT_MS'),
      log,
      clock,
    })
    closers.push(() => opened.close())
    return opened
  }
  const database = await open(options.databaseUrl)
  const keystoreUrl = config.get('SALUS_KEYSTORE_DATABASE_URL')
  const keystore = keystoreUrl === undefined ? database : await open(keystoreUrl)
  const ledger = await openLedger({
    database,
    clock,
    log,
    ...(unsafe.withoutAudit ? { unsafeWithoutAudit: true } : {}),
  })
  closers.push(() => ledger.close())
  const vault = await openVault({
    database: keystore,
    config,
    clock,
    log,
    ...(unsafe.plaintext ? { unsafePlaintext: true } : {}),
  })
  closers.push(() => vault.close())
  const checkpointer = await startCheckpoints({
    database,
    clock,
    log,
    keyDirectory: config.dataPath('keys'),
    anchorDirectory: config.get('SALUS_AUDIT_ANCHOR_DIR') ?? config.dataPath('anchors'),
  })
  closers.push(() => checkpointer.close())
  // The first start makes the signing key here, so that whoever sees the server ready can verify its log.
  await checkpointer.checkpoint().catch((error: unknown) => log.error('checkpoint failed', errorFields(error)))
  const indexer = startIndexer({ database, clock, log })
  closers.push(() => indexer.close())
  const archiveDirectory = config.get('SALUS_AUDIT_ARCHIVE_DIR')
  if (archiveDirectory !== undefined) {
    const archive = startArchive({ database, clock, log, directory: archiveDirectory })
    closers.push(() => archive.close())
  }
  return { database, ledger, vault, checkpointer }
}

type LoginAudit = Pick<Parameters<typeof openIdentity>[0], 'onLogin' | 'onRefused'>

/**
 * Each token issued or refused is an audit record before its answer leaves; refusals of nobody known, which anybody can cause
 * without end, share one that counts them.
 */
function loginAudit(ledger: Ledger, clock: Clock): Required<LoginAudit> & { unknown: CountedRefusals } {
  const record = (about: Pick<AuditRecord, 'tenant' | 'client' | 'outcome' | 'requestId' | 'count'>): Promise<void> =>
    ledger.record({
      ...about,
      at: clock.now(),
      actor: about.client,
      purpose: '',
      action: 'login',
      type: 0,
      rid: 0,
      version: 0,
      patients: [],
    })
  const unknown = countedRefusals(
    (count) => record({ tenant: 0, client: '', outcome: 'refused', requestId: '', count }),
    clock,
  )
  return {
    unknown,
    onLogin: ({ tenant, client, outcome, requestId }) =>
      client === '' && outcome === 'refused' ? unknown.add() : record({ tenant, client, outcome, requestId, count: 0 }),
    onRefused: ({ tenant, client }) =>
      client === '' ? unknown.add() : record({ tenant, client, outcome: 'refused', requestId: '', count: 0 }),
  }
}

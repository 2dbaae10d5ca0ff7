import type { Database } from '#db'
import { type Clock, type Config, type Log, metrics, raise } from '#kernel'
import { type Aad, openEnvelope, sealEnvelope } from './envelope.ts'
import { KeyRing } from './key-ring.ts'
import type { DataKey, PatientKey } from './keys.ts'
import { PatientKeys } from './patient-keys.ts'
import { rootKeyOf } from './root-key/choose.ts'
import type { RootKey } from './root-key/root-key.ts'
import {
  BRANCH_KEY_RETIRED_MS,
  beginPatientRotation,
  destroyRetiredBranchKeys,
  finishPatientRotation,
  type PatientRotation,
  type RewrapProgress,
  type Rotator,
  rotateBranchKey,
  rotateRootKey,
} from './rotation.ts'
import { selfTest } from './self-test.ts'
import { type ReplayOutcome, replayShredList, type Shredder, type ShredOutcome, shredPatient } from './shredding.ts'
import {
  type BranchKeyInfo,
  countByEpoch,
  hasBranchKeys,
  KEY_JOIN,
  type KeyJoin,
  shreddedSince,
  type WrappedKey,
} from './store.ts'
import { openShortText, sealShortText } from './text-seal.ts'
import type { Tokenizer } from './tokenizer.ts'

/** The keys of the record, and all that is done with them. One per process. */
export interface Vault {
  /**
   * Load the keys of a tenant, made at first use; needed once per process before anything else is asked for a tenant
   * other than those of `openVault`. Faults of the root key's provider.
   */
  ensureTenant(tenant: number): Promise<void>

  /**
   * Keys of patients, by number. A missing entry: no key was ever made, or it was shredded. All calls of one turn of the
   * event loop travel as one query. Nothing is cached. Faults: `db.unavailable`, `vault.keys-expired`.
   */
  patientKeys(tenant: number, patients: readonly number[]): Promise<Map<number, PatientKey>>
  /** For statements on `database`: brings the wrapped keys of rows along, which saves a round trip. Undefined when the key store is elsewhere. */
  keyJoin(database: Database): KeyJoin | undefined
  /** Unwrap what `keyJoin` brought for one patient; undefined without any. Faults as `patientKeys`. */
  unwrap(wrapped: readonly WrappedKey[]): Promise<PatientKey | undefined>
  /** As `patientKeys`, and keys that are missing are made; durable when it resolves. Fault `vault.shredded` (gone). */
  ensurePatientKeys(tenant: number, patients: readonly number[]): Promise<Map<number, PatientKey>>
  /** For resources that belong to no single patient. */
  tenantKey(tenant: number): DataKey
  /** For details of audit records. */
  auditKey(tenant: number): DataKey

  /** Compress and seal a body for its row. `type`: the resource type whose dictionary helps most, 0 for other text. */
  seal(key: DataKey, aad: Aad, plaintext: Buffer | string, type: number): Buffer
  /** Open a body. Fault `vault.integrity` (bug) when it does not belong to this row, or was changed; `vault.newer-format`. */
  open(key: DataKey, aad: Aad, sealed: Buffer): Buffer

  /** Search values to keyed tokens. Hold it for one request at most: its keys close with the vault's. */
  tokenizer(tenant: number): Tokenizer
  /** The id that clients see: UUIDv8, 1.3 us. */
  publicId(tenant: number, type: number, rid: number): string
  /** The resource number of an id that this tenant issued for this type; undefined for any other text. */
  ridOf(tenant: number, type: number, id: string): number | undefined

  /** Seal a short text (a page token, a secret) for a purpose, named by code, and a context, e.g. the client: base64url. */
  sealText(purpose: string, tenant: number, value: string, aad: string): string
  /** The text; undefined when it was sealed for anything else, or is forged. */
  openText(purpose: string, tenant: number, text: string, aad: string): string | undefined

  /**
   * Destroy the key of a patient: everything sealed under it is unreadable from now on, on every process. The caller
   * deletes search tokens and records the act. Faults: `vault.shred-list-unwritable`, `db.unavailable`.
   */
  shred(tenant: number, patient: number): Promise<ShredOutcome>
  /** Destroy again what a restored backup brought back, by a shred list. `openVault` does it with its own list. */
  replayShredList(file: string): Promise<ReplayOutcome>

  /** Patients shredded at or after `since` (ms), of all tenants; reads all tombstones. Fault `db.unavailable`. */
  shreddedSince(since: number): Promise<{ tenant: number; patient: number }[]>

  /** New root key version, or another provider: branch keys wrapped anew. Resumable. Fault `vault.rotation-conflict`. */
  rotateRootKey(to?: RootKey): Promise<RewrapProgress>
  /** New branch key of a tenant: patients' keys wrapped anew while serving. Resumable. */
  rotateBranchKey(tenant: number, onProgress?: (progress: RewrapProgress) => void): Promise<RewrapProgress>
  /** Delete branch keys retired longer ago than 30 days, or `retiredForMs`; gives their number. Makes erasure final. */
  destroyRetiredBranchKeys(tenant: number, retiredForMs?: number): Promise<number>
  /** Next version of a patient's data key; the record then seals bodies under older versions again. Resumable. */
  beginPatientRotation(tenant: number, patient: number): Promise<PatientRotation>
  /** Delete the versions before `version`; false while that is too early (5 minutes, or `settledMs`). */
  finishPatientRotation(rotation: {
    tenant: number
    patient: number
    version: number
    settledMs?: number
  }): Promise<boolean>

  /** Branch keys and how many patients' keys each wraps. Counts rows: for operators. */
  listKeys(): Promise<BranchKeyInfo[]>
  /** Ask the root key's provider again now, instead of within 20 minutes. Faults of the provider; what is known serves on. */
  refreshKeys(): Promise<void>
  /** Milliseconds until unwrapped keys expire if the root key stays away; 0: the record is closed. For readiness. */
  keysValidForMs(): number
  close(): Promise<void>
}

/** What `openVault` needs; paths and switches default to the configuration's. */
export interface VaultOptions {
  /** The key store: the main database, or one of its own. */
  database: Database
  /** Names the root key's provider (`SALUS_ROOT_KEY`), FIPS mode, and the data directory. */
  config: Config
  clock: Clock
  log: Log
  /** Default: what `config` names. */
  rootKey?: RootKey
  /** File of the shred list; default `keys/shredded.ndjson` in the data directory. Keep copies of it, apart from the database's backups. */
  shredList?: string
  /** Tenants to have keys for at once. Default: the default tenant, 1. */
  tenants?: readonly number[]
  /** Benchmarks, and the test that proves that the PHI canary can fail. Refused in production; not a setting. */
  unsafePlaintext?: boolean
}

/**
 * Open the vault: self-test, keys of all tenants unwrapped, shred list replayed. Rejects before anything is served
 * with `vault.self-test`, `vault.fips-not-effective`, `vault.unsafe-in-production`, `vault.root-key-missing`,
 * `vault.wrong-root-key`, `vault.shred-list-damaged`, other `vault.root-key-*`, or `db.unavailable`.
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const { database: db, config, clock, log } = options
  if (options.unsafePlaintext && config.production)
    raise({
      category: 'invalid',
      code: 'vault.unsafe-in-production',
      message: 'A vault that does not seal is refused in production.',
    })
  const fips = config.enabled('SALUS_FIPS')
  selfTest({ fips })
  const root = options.rootKey ?? rootKeyOf(config, clock)
  await root.prepare({ mayCreate: !(await hasBranchKeys(db)) })
  const ring = new KeyRing({ db, root, clock, log, hmac: fips ? 'native' : 'javascript' })
  const shredder = { db, ring, clock, log, shredList: options.shredList ?? config.dataPath('keys', 'shredded.ndjson') }
  try {
    await ring.start()
    for (const tenant of options.tenants ?? [1]) await ring.ensure(tenant)
    await replayShredList(shredder)
  } catch (error) {
    ring.close()
    throw error
  }
  return assemble({ rotator: { db, ring, root }, shredder, clock, unsafePlaintext: options.unsafePlaintext ?? false })
}

interface Parts {
  rotator: Rotator
  shredder: Shredder
  clock: Clock
  unsafePlaintext: boolean
}

function assemble({ rotator, shredder, clock, unsafePlaintext }: Parts): Vault {
  const { db, ring } = rotator
  const patients = new PatientKeys({ db, ring })
  const sealTime = secondsCounter(metrics.sealSeconds)
  const openTime = secondsCounter(metrics.openSeconds)
  return {
    ensureTenant: (tenant) => ring.ensure(tenant),
    patientKeys: (tenant, numbers) => patients.find(tenant, numbers),
    keyJoin: (database) => (database === db ? KEY_JOIN : undefined),
    unwrap: (wrapped) => patients.open(wrapped),
    ensurePatientKeys: (tenant, numbers) => patients.ensure(tenant, numbers),
    tenantKey: (tenant) => ring.keysOf(tenant).data,
    auditKey: (tenant) => ring.keysOf(tenant).audit,
    seal(key, aad, plaintext, type) {
      const start = clock.monotonic()
      const plain = typeof plaintext === 'string' ? Buffer.from(plaintext) : plaintext
      const sealed = sealEnvelope(key, aad, plain, { dictionaryType: type, unsafePlaintext })
      sealTime.add(clock.monotonic() - start)
      return sealed
    },
    open(key, aad, sealed) {
      const start = clock.monotonic()
      const plain = openEnvelope(key, aad, sealed, { unsafePlaintext })
      openTime.add(clock.monotonic() - start)
      return plain
    },
    tokenizer: (tenant) => ring.keysOf(tenant).tokenizer,
    publicId: (tenant, type, rid) => ring.keysOf(tenant).ids.publicId(type, rid),
    ridOf: (tenant, type, id) => ring.keysOf(tenant).ids.ridOf(type, id),
    sealText: (purpose, tenant, value, aad) => sealShortText(ring.keysOf(tenant).text(purpose), value, aad),
    openText: (purpose, tenant, text, aad) => openShortText(ring.keysOf(tenant).text(purpose), text, aad),
    shred: (tenant, patient) => shredPatient(shredder, tenant, patient),
    replayShredList: (file) => replayShredList(shredder, file),
    shreddedSince: (since) => shreddedSince(db, since),
    rotateRootKey: (to) => rotateRootKey(rotator, to),
    rotateBranchKey: (tenant, onProgress) => rotateBranchKey(rotator, tenant, onProgress),
    destroyRetiredBranchKeys: (tenant, retiredForMs = BRANCH_KEY_RETIRED_MS) =>
      destroyRetiredBranchKeys(rotator, tenant, retiredForMs),
    beginPatientRotation: (tenant, patient) => beginPatientRotation(rotator, tenant, patient),
    finishPatientRotation: (rotation) => finishPatientRotation(rotator, rotation),
    listKeys: () => countByEpoch(db),
    refreshKeys: () => ring.refresh(),
    keysValidForMs: () => ring.validForMs(),
    async close() {
      ring.close()
      sealTime.flush()
      openTime.flush()
    },
  }
}

/** Operations between two updates of the metric: an update costs as much as a tenth of an opening. */
const OPERATIONS_PER_FLUSH = 64

function secondsCounter(counter: { inc(value: number): void }): { add(ms: number): void; flush(): void } {
  let ms = 0
  let operations = 0
  const flush = (): void => {
    counter.inc(ms / 1000)
    ms = 0
    operations = 0
  }
  return {
    add(spent) {
      ms += spent
      if (++operations >= OPERATIONS_PER_FLUSH) flush()
    },
    flush,
  }
}

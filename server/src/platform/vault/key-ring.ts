import { createSecretKey, type KeyObject } from 'node:crypto'
import { type Clock, errorFields, FaultError, type Log, raise } from '#kernel'
import { newKeyBytes } from './keys.ts'
import type { RootKey } from './root-key/root-key.ts'
import {
  type BranchRow,
  branchKeys,
  insertBranchKey,
  insertTenantKey,
  type Runner,
  type TenantKeyRow,
  tenantKeys,
} from './store.ts'
import { missingTenantKeys, openTenantKeys, type TenantKeys } from './tenant-keys.ts'

/** A branch key, unwrapped. */
export interface BranchKey {
  tenant: number
  epoch: number
  secret: KeyObject
}

/**
 * How long unwrapped branch keys serve after the root key's provider last agreed to unwrap them. An outage of a key
 * service shorter than this is not noticed; after it, or after the root key was withdrawn, the record closes.
 */
const BRANCH_KEY_TTL_MS = 60 * 60 * 1000
/** Asked again well before the TTL ends, so that two failing attempts do not close the record. */
const REFRESH_MS = 20 * 60 * 1000
const RETRY_MS = 60 * 1000
/** Calls to the key service at once: thousands of tenants load in seconds without tripping its rate limit. */
const UNWRAPS_AT_ONCE = 8

interface Tenant {
  branches: Map<number, BranchKey>
  newest: BranchKey
  keys: TenantKeys
  validUntil: number
}

/** The unwrapped branch keys and tenants' keys of this process, kept fresh and closed when the root key is withdrawn. */
export class KeyRing {
  readonly #db: Runner
  readonly #root: RootKey
  readonly #clock: Clock
  readonly #log: Log
  readonly #hmac: 'javascript' | 'native'
  readonly #tenants = new Map<number, Tenant>()
  readonly #loading = new Map<number, Promise<Tenant>>()
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined

  constructor(options: { db: Runner; root: RootKey; clock: Clock; log: Log; hmac: 'javascript' | 'native' }) {
    this.#db = options.db
    this.#root = options.root
    this.#clock = options.clock
    this.#log = options.log
    this.#hmac = options.hmac
  }

  /** Load every tenant of the key store, then keep their keys fresh until `close`. */
  async start(): Promise<void> {
    const tenants = new Set((await branchKeys(this.#db)).map((row) => row.tenant))
    await this.#loadAll([...tenants])
    this.#schedule(REFRESH_MS)
  }

  /** The tenant's keys, made when there are none, loaded when another process made them. */
  async ensure(tenant: number): Promise<void> {
    if (!this.#tenants.has(tenant)) await this.reload(tenant)
  }

  keysOf(tenant: number): TenantKeys {
    return this.#valid(tenant).keys
  }

  /** The branch key that wraps what is new. */
  newest(tenant: number): BranchKey {
    return this.#valid(tenant).newest
  }

  /** The branch key of `epoch`, fetched when another process has just made it. */
  async branch(tenant: number, epoch: number): Promise<BranchKey> {
    const known = this.#valid(tenant).branches.get(epoch)
    if (known) return known
    const loaded = await this.reload(tenant)
    return (
      loaded.branches.get(epoch) ??
      raise({
        category: 'bug',
        code: 'vault.integrity',
        message:
          'A key is wrapped under a branch key that the key store does not have. Restore the key store from its backup.',
      })
    )
  }

  /** Read a tenant's rows again and unwrap them anew; calls for one tenant at a time are shared. */
  reload(tenant: number): Promise<Tenant> {
    const running = this.#loading.get(tenant)
    if (running) return running
    const load = this.#load(tenant).finally(() => this.#loading.delete(tenant))
    this.#loading.set(tenant, load)
    return load
  }

  /** Whether every tenant's keys still serve, and for how long the first of them does, in milliseconds. */
  validForMs(): number {
    const ends = [...this.#tenants.values()].map((tenant) => tenant.validUntil)
    return Math.max(0, Math.min(...ends) - this.#clock.monotonic())
  }

  tenants(): number[] {
    return [...this.#tenants.keys()]
  }

  /** Ask the root key's provider again, for all tenants. Failures leave what is known serving until its TTL. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#loadAll(this.tenants()).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #valid(tenant: number): Tenant {
    const known = this.#tenants.get(tenant)
    if (!known)
      return raise({
        category: 'unavailable',
        code: 'vault.tenant-not-loaded',
        message: 'The keys of this tenant are not loaded in this process. Call ensureTenant for it first.',
      })
    if (this.#clock.monotonic() > known.validUntil)
      return raise({
        category: 'unavailable',
        code: 'vault.keys-expired',
        message:
          'The root key has not been available for an hour, so the record is closed. Make the key service or key file available again; Salus notices within a minute.',
      })
    return known
  }

  #schedule(ms: number): void {
    this.#timer = setTimeout(() => {
      this.refresh().then(
        () => this.#schedule(REFRESH_MS),
        (error: unknown) => {
          const code = error instanceof FaultError ? error.fault.code : 'vault.root-key-unavailable'
          this.#log.warn('branch keys could not be refreshed', { ...errorFields(error), code })
          this.#schedule(RETRY_MS)
        },
      )
    }, ms).unref()
  }

  /** Every tenant is tried, then the first failure is reported. */
  async #loadAll(tenants: number[]): Promise<void> {
    const queue = [...tenants]
    const failures: unknown[] = []
    const worker = async (): Promise<void> => {
      for (let tenant = queue.shift(); tenant !== undefined; tenant = queue.shift())
        await this.reload(tenant).catch((error: unknown) => failures.push(error))
    }
    await Promise.all(Array.from({ length: UNWRAPS_AT_ONCE }, worker))
    if (failures.length > 0) throw failures[0]
  }

  async #load(tenant: number): Promise<Tenant> {
    const startedAt = this.#clock.monotonic()
    const branches = await this.#unwrapBranches(tenant)
    const newest = branches.get(Math.max(...branches.keys())) as BranchKey
    const rows = await this.#completeTenantKeys(newest)
    const known = this.#tenants.get(tenant)
    // The same objects as before when nothing is new: they hold derived subkeys and remembered tokens.
    const keys =
      known?.keys ??
      openTenantKeys(tenant, rows, { branchKey: (epoch) => (branches.get(epoch) ?? newest).secret, hmac: this.#hmac })
    const loaded = { branches, newest, keys, validUntil: startedAt + BRANCH_KEY_TTL_MS }
    this.#tenants.set(tenant, loaded)
    return loaded
  }

  async #unwrapBranches(tenant: number): Promise<Map<number, BranchKey>> {
    let rows = await branchKeys(this.#db, tenant)
    if (rows.length === 0) {
      const key = newKeyBytes()
      await insertBranchKey(this.#db, { tenant, epoch: 1, wrapped: await this.#root.wrap(key, { tenant, epoch: 1 }) })
      key.fill(0)
      // Read back: another process may have been first, and then its key is the tenant's.
      rows = await branchKeys(this.#db, tenant)
    }
    const branches = new Map<number, BranchKey>()
    for (const row of rows) branches.set(row.epoch, await this.#unwrap(row))
    return branches
  }

  async #unwrap({ tenant, epoch, wrapped }: BranchRow): Promise<BranchKey> {
    const bytes = await this.#root.unwrap(wrapped, { tenant, epoch })
    const secret = createSecretKey(bytes)
    bytes.fill(0)
    return { tenant, epoch, secret }
  }

  async #completeTenantKeys(branch: BranchKey): Promise<TenantKeyRow[]> {
    const rows = await tenantKeys(this.#db, branch.tenant)
    const missing = missingTenantKeys(rows, branch)
    if (missing.length === 0) return rows
    for (const row of missing) await insertTenantKey(this.#db, row)
    return tenantKeys(this.#db, branch.tenant)
  }
}

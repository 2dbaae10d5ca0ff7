import { createHmac, createSecretKey, type KeyObject, randomBytes, randomInt } from 'node:crypto'

/** What a key is for; part of the envelope, so that a body sealed for one use never opens as another. */
export const KEY_CLASS = { patient: 1, tenant: 2, audit: 3, text: 4 } as const
export type KeyClass = (typeof KEY_CLASS)[keyof typeof KEY_CLASS]

/** The key to seal with now, and what the envelope must say to find it again. */
export interface SealingKey {
  version: number
  /** 0 for patients' keys. */
  subkey: number
  secret: KeyObject
}

/** A key that seals and opens bodies. Holds secrets: it cannot be printed or serialised. */
export interface DataKey {
  readonly tenant: number
  /** Number of the patient, 0 for keys of the tenant. */
  readonly patient: number
  readonly keyClass: KeyClass
  /** The newest version; takes note that it is used once more. */
  sealing(): SealingKey
  /** The version an envelope names, or undefined. */
  find(version: number, subkey: number): KeyObject | undefined
}

/**
 * The key of one patient: one version, or two while it is being rotated. The newest seals.
 * A patient's key seals each version of each of the patient's resources once: far below the 2^32 random nonces that
 * NIST SP 800-38D allows for one key.
 */
export class PatientKey implements DataKey {
  readonly keyClass = KEY_CLASS.patient
  readonly tenant: number
  readonly patient: number
  readonly #versions: SealingKey[] = []

  constructor(tenant: number, patient: number) {
    this.tenant = tenant
    this.patient = patient
  }

  add(version: number, secret: KeyObject): void {
    this.#versions.push({ version, subkey: 0, secret })
    this.#versions.sort((a, b) => b.version - a.version)
  }

  sealing(): SealingKey {
    return this.#versions[0] as SealingKey
  }

  find(version: number): KeyObject | undefined {
    return this.#versions.find((candidate) => candidate.version === version)?.secret
  }
}

/**
 * Seals under one subkey before another is drawn. A key shared by all of a tenant's searches would pass 2^32 seals in
 * weeks; with a random 32-bit subkey per process, and a new one after 2^28 seals, each stays far below.
 */
const SEALS_PER_SUBKEY = 2 ** 28
/** Derived subkeys kept: those of the processes that wrote lately. Deriving one anew costs 3 us. */
const SUBKEYS_MAX = 256

/** A key of the tenant, used by every process: each seals under a subkey of its own, HMAC-SHA-256(key, label, number). */
export class TenantKey implements DataKey {
  readonly patient = 0
  readonly tenant: number
  readonly keyClass: KeyClass
  readonly #version: number
  readonly #root: KeyObject
  readonly #label: string
  readonly #derived = new Map<number, KeyObject>()
  #subkey = 0
  #sealsLeft = 0

  constructor(options: { tenant: number; keyClass: KeyClass; version: number; secret: Buffer; label?: string }) {
    this.tenant = options.tenant
    this.keyClass = options.keyClass
    this.#version = options.version
    this.#label = options.label ?? ''
    this.#root = createSecretKey(options.secret)
  }

  sealing(): SealingKey {
    if (this.#sealsLeft-- <= 0) {
      this.#subkey = randomInt(1, 2 ** 32)
      this.#sealsLeft = SEALS_PER_SUBKEY
    }
    return { version: this.#version, subkey: this.#subkey, secret: this.#derive(this.#subkey) }
  }

  find(version: number, subkey: number): KeyObject | undefined {
    return version === this.#version && subkey > 0 ? this.#derive(subkey) : undefined
  }

  #derive(subkey: number): KeyObject {
    const known = this.#derived.get(subkey)
    if (known) return known
    const bytes = createHmac('sha256', this.#root).update(`subkey\0${this.#label}\0${subkey}`).digest()
    const secret = createSecretKey(bytes)
    bytes.fill(0)
    if (this.#derived.size >= SUBKEYS_MAX) this.#derived.clear()
    this.#derived.set(subkey, secret)
    return secret
  }
}

/** 256 random bits. */
export function newKeyBytes(): Buffer {
  return randomBytes(32)
}

import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { assert, type Clock, raise } from '#kernel'
import type { IdentityStore } from './store.ts'

/** ES256: approved under FIPS 186-5, 64-byte signatures, and known to every JOSE library. */
export const TOKEN_ALGORITHM = 'ES256'
/** A key signs for 90 days. A thief of an old backup that got past the seal gains nothing after that. */
const SIGNING_MS = 90 * 24 * 3_600_000
/** A retired key verifies for the longest token life (3600 s) and the time other processes take to notice. */
const VERIFYING_MS = 2 * 3_600_000
/** How old a process's view may get before a token request looks for a newer key. */
const FRESH_MS = 60_000
/** Tokens with an unknown key id make the keys be read again at most this often, whoever sends them. */
const RELOAD_MS = 5_000

/** The part of the vault that seals the private keys: a text for a purpose, a tenant and a context, opened only with the same. */
export interface Sealer {
  sealText(purpose: string, tenant: number, text: string, context: string): string | Promise<string>
  /** Undefined when it was not sealed so. */
  openText(purpose: string, tenant: number, sealed: string, context: string): MaybeText | Promise<MaybeText>
}

type MaybeText = string | undefined

/** The signing keys are the installation's: they are sealed under the default tenant's key, bound to their key id. */
const SIGNING_KEY_SEAL = { purpose: 'signing-key', tenant: 1 } as const

/** Newest first. Private keys, for oidc-provider, and what verifies by key id. */
export interface SigningKeys {
  private: JWK[]
  verify: ReadonlyMap<string, CryptoKey>
}

export interface Keyring {
  /** The keys as last read; read again when older than a minute, and a new key made when the signing key is too old. */
  current(): Promise<SigningKeys>
  /** The public key with this id, if it is one of ours. */
  find(kid: string): Promise<CryptoKey | undefined>
}

export async function openKeyring(options: { store: IdentityStore; sealer: Sealer; clock: Clock }): Promise<Keyring> {
  const { clock } = options
  let loadedAt = clock.monotonic()
  let keys = await load(options)
  let loading: Promise<SigningKeys> | undefined
  const reload = (): Promise<SigningKeys> => {
    loading ??= load(options)
      .then((loaded) => {
        // The same object as long as nothing changed, so that what was built on it can be kept.
        if (sameKeys(loaded, keys) === false) keys = loaded
        loadedAt = clock.monotonic()
        return keys
      })
      .finally(() => {
        loading = undefined
      })
    return loading
  }
  return {
    current: () => (clock.monotonic() - loadedAt > FRESH_MS ? reload() : Promise.resolve(keys)),
    find: async (kid) => {
      const known = keys.verify.get(kid)
      if (known || clock.monotonic() - loadedAt < RELOAD_MS) return known
      return (await reload()).verify.get(kid)
    },
  }
}

function sameKeys(a: SigningKeys, b: SigningKeys): boolean {
  return a.private.length === b.private.length && a.private.every((key, index) => key.kid === b.private[index]?.kid)
}

async function load({ store, sealer, clock }: Parameters<typeof openKeyring>[0]): Promise<SigningKeys> {
  const { purpose, tenant } = SIGNING_KEY_SEAL
  let rows = await store.signingKeys(clock.now() - VERIFYING_MS)
  const active = rows.find((row) => row.retired === undefined)
  if (!active || active.created < clock.now() - SIGNING_MS) {
    const jwk = await newKey()
    const sealed = await sealer.sealText(purpose, tenant, JSON.stringify(jwk), jwk.kid)
    await store.addSigningKey({ kid: jwk.kid, sealed, now: clock.now(), replaces: active?.kid })
    rows = await store.signingKeys(clock.now() - VERIFYING_MS)
  }
  const keys = { private: [] as JWK[], verify: new Map<string, CryptoKey>() }
  for (const { kid, sealed } of rows) {
    const text = (await sealer.openText(purpose, tenant, sealed, kid)) ?? unreadable()
    const jwk = JSON.parse(text) as JWK
    keys.private.push(jwk)
    keys.verify.set(kid, await publicKey(jwk))
  }
  return keys
}

function unreadable(): never {
  return raise({
    category: 'unavailable',
    code: 'identity.signing-key-unreadable',
    message:
      'A token signing key does not open with the keys of this vault. Start with the root key the database was made with.',
  })
}

async function newKey(): Promise<JWK & { kid: string }> {
  const { privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: TOKEN_ALGORITHM, use: 'sig' }
}

async function publicKey({ d: _, ...jwk }: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, TOKEN_ALGORITHM)
  assert(!(key instanceof Uint8Array), 'a stored signing key is an EC key')
  return key
}

import { randomUUID } from 'node:crypto'
import { importJWK, type JSONWebKeySet, type JWK } from 'jose'
import { type Clock, raise } from '#kernel'
import { parseRegisteredScope } from './scope.ts'
import { hashSecret, newSecret } from './secret.ts'
import type { IdentityStore } from './store.ts'

/** One way of proving who it is per client: a secret (ours when none is given), a key set, or the https address of one. */
export interface NewClient {
  /** Letters, digits, dot, dash and underscore, at most 64. Default: random. */
  id?: string
  tenant: number
  /** SMART system scopes, e.g. `system/*.cruds`. */
  scope: string
  /** 8 to 256 printable ASCII characters. */
  secret?: string
  jwks?: JSONWebKeySet
  jwksUri?: string
}

export const CLIENT_ID = /^[\w.-]{1,64}$/
/** RFC 6749 appendix A: a secret is printable ASCII. */
const SECRET = /^[\x20-\x7e]{8,256}$/
/** What private_key_jwt accepts; both are required of a server by SMART App Launch 2.2. */
export const ASSERTION_ALGORITHMS = ['RS384', 'ES384']
/** Enough for a rotation on each side of a cluster; each key may be tried against an assertion. */
const KEYS_PER_CLIENT_MAX = 10

/**
 * Register a client. The secret is in the answer only when Salus chose it, and is stored as a hash.
 * @throws `identity.client-id-invalid`, `identity.credential-invalid`, `identity.jwks-invalid`, `identity.scope-invalid`,
 * `identity.client-exists`, `identity.tenant-unknown`
 */
export async function registerClient(
  { store, clock }: { store: IdentityStore; clock: Clock },
  wanted: NewClient,
): Promise<{ id: string; secret?: string }> {
  const id = wanted.id ?? randomUUID()
  if (!CLIENT_ID.test(id))
    raise({
      category: 'invalid',
      code: 'identity.client-id-invalid',
      message: 'A client id has 1 to 64 letters, digits, dots, dashes and underscores.',
    })
  const scope = parseRegisteredScope(wanted.scope).text
  if ([wanted.secret, wanted.jwks, wanted.jwksUri].filter((proof) => proof !== undefined).length > 1)
    return badCredential()
  const keyed = wanted.jwks !== undefined || wanted.jwksUri !== undefined
  const chosen = keyed || wanted.secret !== undefined ? undefined : newSecret()
  const secret = wanted.secret ?? chosen
  if (secret !== undefined && !SECRET.test(secret)) return badCredential()
  if (wanted.jwks) await checkKeys(wanted.jwks)
  if (wanted.jwksUri !== undefined && URL.parse(wanted.jwksUri)?.protocol !== 'https:') return badKeys()
  await store.addClient({
    id,
    tenant: wanted.tenant,
    authMethod: keyed ? 'private_key_jwt' : 'client_secret',
    secretHash: secret === undefined ? undefined : await hashSecret(secret),
    jwks: wanted.jwks,
    jwksUri: wanted.jwksUri,
    scope,
    created: clock.now(),
  })
  return chosen === undefined ? { id } : { id, secret: chosen }
}

/** A key set that could never verify an assertion, or that gives a private key away, is refused when it is registered. */
async function checkKeys(jwks: JSONWebKeySet): Promise<void> {
  const keys: unknown = jwks.keys
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > KEYS_PER_CLIENT_MAX) return badKeys()
  for (const key of keys as (JWK | null)[]) {
    if (key === null || typeof key !== 'object') return badKeys()
    const algorithm = key.kty === 'RSA' ? 'RS384' : key.kty === 'EC' && key.crv === 'P-384' ? 'ES384' : undefined
    const secretPart = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((name) => name in key)
    const usable = typeof key.kid === 'string' && (key.alg === undefined || key.alg === algorithm)
    if (algorithm === undefined || secretPart || !usable || !(await imports(key, algorithm))) return badKeys()
  }
}

async function imports(key: JWK, algorithm: string): Promise<boolean> {
  try {
    const imported = await importJWK(key, algorithm)
    if (imported instanceof Uint8Array) return false
    const { modulusLength } = imported.algorithm as { modulusLength?: number }
    return modulusLength === undefined || modulusLength >= 2_048
  } catch {
    return false
  }
}

function badCredential(): never {
  return raise({
    category: 'invalid',
    code: 'identity.credential-invalid',
    message: 'Give one of: a secret of 8 to 256 printable ASCII characters, a key set, or the address of a key set.',
  })
}

function badKeys(): never {
  return raise({
    category: 'invalid',
    code: 'identity.jwks-invalid',
    message: `Give 1 to ${KEYS_PER_CLIENT_MAX} public keys, each with a "kid": RSA of 2048 bits or more (RS384) or P-384 (ES384). The address of a key set starts with https://.`,
  })
}

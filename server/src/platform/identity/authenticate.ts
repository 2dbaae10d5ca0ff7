import { hash } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import { type Clock, type Fault, FaultError } from '#kernel'
import type { ClientState, ClientStates } from './client-state.ts'
import { parseScope, type ScopeSet } from './scope.ts'
import { type Keyring, TOKEN_ALGORITHM } from './signing-keys.ts'

/** Who asks, as the access token says. */
export interface Principal {
  tenant: number
  /** OAuth client id. */
  client: string
  scopes: ScopeSet
  /** Milliseconds since 1970. */
  expires: number
}

/** A token that was not accepted. `client` and `tenant` are known (not '' and 0) only when the signature is ours. */
export interface Refusal {
  tenant: number
  client: string
  code: string
}

/** Verified tokens remembered, about 8 MB. A token costs 0.2 ms to verify and 2 us to remember. */
const TOKENS_MAX = 10_000
/** Our tokens are below 4 kB, the longest scope included; longer ones are not worth hashing. */
const TOKEN_CHARS_MAX = 8_192

interface Known {
  answer: Promise<Principal>
  expires: number
  state: ClientState
  version: number
}

interface Options {
  issuer: string
  audience: string
  keyring: Keyring
  clients: ClientStates
  clock: Clock
  onRefused?: ((refusal: Refusal) => Promise<void>) | undefined
}

/** Checks bearer tokens (RFC 6750, RFC 9068). Verified ones are remembered under their SHA-256, never in the clear. */
export function createAuthenticate(options: Options): (authorization: string | undefined) => Promise<Principal> {
  const { clock, clients } = options
  const tokens = new Map<string, Known>()
  const slow = async (token: string | undefined, digest: string, known: Known | undefined): Promise<Principal> => {
    let found = known
    try {
      if (token === undefined) throw new FaultError(MISSING)
      if (!found) found = await verify(token, options)
      if (found.expires <= clock.now()) throw new FaultError(EXPIRED)
      found.state = await clients.get(found.state.id)
      const principal = await found.answer
      if (found.state.version !== found.version || found.state.tenant !== principal.tenant)
        throw new FaultError(INVALID)
      remember(tokens, digest, found)
      return principal
    } catch (error) {
      if (!(error instanceof FaultError) || error.fault.category !== 'unauthenticated') throw error
      tokens.delete(digest)
      const who = (await found?.answer) ?? { tenant: 0, client: '' }
      await options.onRefused?.({ tenant: who.tenant, client: who.client, code: error.fault.code })
      throw error
    }
  }
  return (authorization) => {
    const token = bearer(authorization)
    const digest = token === undefined ? '' : hash('sha256', token, 'base64')
    const known = tokens.get(digest)
    // The path of almost every request: no allocation but the digest, no await but the caller's.
    if (known && known.expires > clock.now() && known.state.version === known.version && clients.fresh(known.state))
      return known.answer
    return slow(token, digest, known)
  }
}

function remember(tokens: Map<string, Known>, digest: string, known: Known): void {
  tokens.set(digest, known)
  if (tokens.size <= TOKENS_MAX) return
  const oldest = tokens.keys().next()
  if (!oldest.done) tokens.delete(oldest.value)
}

/** The token of an `Authorization: Bearer` header; undefined when there is none, empty when it is too long to be ours. */
function bearer(authorization: string | undefined): string | undefined {
  if (authorization?.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  return authorization.length > TOKEN_CHARS_MAX ? '' : authorization.slice(7)
}

async function verify(token: string, { issuer, audience, keyring, clock }: Options): Promise<Known> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const key = kid === undefined ? undefined : await keyring.find(kid)
        return key ?? Promise.reject(new errors.JWKSNoMatchingKey())
      },
      // The algorithm is ours to name, never the token's; `typ` keeps other JWTs of ours from passing as access tokens.
      { algorithms: [TOKEN_ALGORITHM], issuer, audience, typ: 'at+jwt', currentDate: new Date(clock.now()) },
    )
    return fromClaims(payload)
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new FaultError(EXPIRED, { cause: error })
    if (error instanceof errors.JOSEError) throw new FaultError(INVALID, { cause: error })
    throw error
  }
}

function fromClaims(claims: JWTPayload): Known {
  const { tenant, client_id: client, scope, client_version: version, exp } = claims
  if (
    !Number.isSafeInteger(tenant) ||
    !Number.isSafeInteger(version) ||
    typeof client !== 'string' ||
    typeof scope !== 'string' ||
    exp === undefined
  )
    throw new FaultError(INVALID)
  const expires = exp * 1_000
  return {
    answer: Promise.resolve({ tenant: tenant as number, client, scopes: parseScope(scope), expires }),
    expires,
    state: { id: client, version: 0, tenant: 0, checkedAt: Number.NEGATIVE_INFINITY },
    version: version as number,
  }
}

const MISSING: Fault = {
  category: 'unauthenticated',
  code: 'identity.token-missing',
  message: 'Send "Authorization: Bearer <access token>". Get a token from the OAuth 2.0 token endpoint, /oauth2/token.',
}
const INVALID: Fault = {
  category: 'unauthenticated',
  code: 'identity.token-invalid',
  message: 'The access token is not valid here. Get a new one from /oauth2/token.',
}
const EXPIRED: Fault = {
  category: 'unauthenticated',
  code: 'identity.token-expired',
  message: 'The access token has expired. Get a new one from /oauth2/token.',
}

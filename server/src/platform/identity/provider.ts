import { errors, type KoaContext, Provider } from 'oidc-provider'
import { type Clock, errorFields, type Log } from '#kernel'
import { createAdapters } from './adapter.ts'
import type { FailureLimiter } from './failure-limiter.ts'
import { ASSERTION_ALGORITHMS } from './register-client.ts'
import { intersectScopes, parseScope, SCOPE_CHARS_MAX } from './scope.ts'
import type { SecretChecks } from './secret.ts'
import { type SigningKeys, TOKEN_ALGORITHM } from './signing-keys.ts'
import type { IdentityStore } from './store.ts'
import { tokenRequest } from './token-request.ts'

export const TOKEN_PATH = '/oauth2/token'
export const JWKS_PATH = '/oauth2/jwks'
/** SMART App Launch 2.2, "Authenticating to the token endpoint": an assertion expires within five minutes. */
const ASSERTION_SECONDS_MAX = 300
/** Clocks of two hospitals differ by this much before an administrator hears of it. */
const CLOCK_TOLERANCE_SECONDS = 15
/** A client's key set behind jwks_uri; ten RSA-4096 keys with certificates are 30 kB. */
const JWKS_BYTES_MAX = 64 * 1024

export interface ProviderOptions {
  issuer: string
  fhirBase: string
  tokenTtlSeconds: number
  keys: SigningKeys
  store: IdentityStore
  limiter: FailureLimiter
  secrets: SecretChecks
  clock: Clock
  log: Log
  /** Fetches key sets behind `jwks_uri`. */
  fetch?: typeof globalThis.fetch | undefined
}

/** oidc-provider with everything off but the client credentials grant and the key set. */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, store, limiter, clock, log } = options
  const provider = new Provider(issuer, {
    ...(options.fetch ? { fetch: options.fetch } : {}),
    adapter: createAdapters({ store, limiter, clock }),
    jwks: { keys: options.keys.private },
    routes: { token: TOKEN_PATH, jwks: JWKS_PATH },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ASSERTION_ALGORITHMS },
    clientDefaults: { id_token_signed_response_alg: TOKEN_ALGORITHM },
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    fetchResponseBodyLimits: { jwks_uri: JWKS_BYTES_MAX },
    responseTypes: [],
    scopes: [],
    claims: {},
    clientBasedCORS: () => false,
    ttl: { ClientCredentials: () => options.tokenTtlSeconds },
    extraTokenClaims: () => {
      const { client } = tokenRequest()
      return { tenant: client?.tenant, client_version: client?.version }
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx: KoaContext, claims: { exp: number }) => {
      if (claims.exp > clock.now() / 1_000 + ASSERTION_SECONDS_MAX + CLOCK_TOLERANCE_SECONDS)
        throw new errors.InvalidClientAuth('the assertion lives longer than five minutes')
    },
    renderError: (ctx: KoaContext, out: object) => {
      ctx.type = 'json'
      ctx.body = out
    },
    features: { ...OFF, clientCredentials: { enabled: true }, resourceIndicators: fhirOnly(options) },
  })
  provider.Client.prototype.compareClientSecret = function compare(this: { clientSecret?: string }, secret: string) {
    // What oidc-provider knows as the secret is our hash of it.
    return options.secrets.matches({ secret, stored: this.clientSecret ?? '', address: tokenRequest().address })
  }
  // oidc-provider would also accept the address in the Host header, which whoever replays an assertion could choose.
  provider.OIDCContext.prototype.clientJwtAuthExpectedAudience = () => new Set([issuer, tokenEndpoint(issuer)])
  provider.on('error', (error) => log.error('token endpoint failed', errorFields(error)))
  provider.on('server_error', (ctx, error) => {
    tokenRequest(ctx).failure = error
  })
  return provider
}

/** The token endpoint's public address: the `aud` of client assertions. */
export function tokenEndpoint(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}${TOKEN_PATH}`
}

/** Tokens are for the FHIR API alone, and carry the scopes both asked for and registered. */
function fhirOnly({ fhirBase, tokenTtlSeconds, keys }: ProviderOptions): object {
  return {
    enabled: true,
    defaultResource: () => fhirBase,
    useGrantedResource: () => true,
    getResourceServerInfo: (ctx: KoaContext, resource: string) => {
      if (resource !== fhirBase) throw new errors.InvalidTarget('resource must be the FHIR base of this server')
      const registered = tokenRequest(ctx).client?.scope ?? ''
      const requested = ctx.oidc.params?.['scope']
      if (requested !== undefined && requested.length > SCOPE_CHARS_MAX)
        throw new errors.InvalidScope(`scope is longer than ${SCOPE_CHARS_MAX} characters`)
      const scope = (requested ? intersectScopes(requested, registered) : parseScope(registered)).text
      if (scope === '') throw new errors.InvalidScope('none of the requested scopes is registered for this client')
      // The handler grants what params and resource server name alike, word by word: both get the intersection.
      if (ctx.oidc.params) ctx.oidc.params['scope'] = scope
      return {
        scope,
        audience: fhirBase,
        accessTokenTTL: tokenTtlSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: TOKEN_ALGORITHM, kid: keys.private[0]?.kid } },
      }
    },
  }
}

const OFF = Object.fromEntries(
  ['devInteractions', 'dPoP', 'pushedAuthorizationRequests', 'rpInitiatedLogout', 'userinfo'].map((name) => [
    name,
    { enabled: false },
  ]),
)

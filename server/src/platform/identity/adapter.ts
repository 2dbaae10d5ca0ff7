import { hash } from 'node:crypto'
import { type Adapter, errors, type KoaContext, Provider } from 'oidc-provider'
import type { Clock } from '#kernel'
import type { FailureLimiter } from './failure-limiter.ts'
import { CLIENT_ID } from './register-client.ts'
import { NOBODYS_HASH } from './secret.ts'
import type { ClientRow, IdentityStore } from './store.ts'
import { tokenRequest } from './token-request.ts'

/** How often expired assertion ids are deleted; they number a few per client and minute. */
const SWEEP_MS = 60_000

/** Longer ids do not exist, so it does not matter whose failures they share. */
const CLIENT_ID_CHARS_MAX = 64

interface Options {
  store: IdentityStore
  limiter: FailureLimiter
  clock: Clock
}

/** The storage oidc-provider asks for, one per kind of thing. Access tokens are JWTs, so only clients and used ids are stored. */
export function createAdapters(options: Options): (name: string) => Adapter {
  const used = usedAssertions(options)
  const clients = registeredClients(options)
  return (name) => (name === 'Client' ? clients : name === 'ReplayDetection' ? used : nothing)
}

/** Too many wrong credentials for this client id from this address. */
class TooManyFailures extends errors.OIDCProviderError {
  constructor(waitMs: number) {
    super(429, 'slow_down')
    this.error_description = `too many failed attempts, wait ${Math.ceil(waitMs / 1_000)} s`
  }
}

/** Runs once per token request, after the client id is known and before anything is proved. */
function registeredClients({ store, limiter }: Options): Adapter {
  return {
    ...nothing,
    find: async (id) => {
      const request = tokenRequest()
      const secret = sentSecret(Provider.ctx)
      if (secret) request.guessing = id.slice(0, CLIENT_ID_CHARS_MAX)
      const waitMs = secret ? limiter.waitMs(request.guessing ?? '', request.address) : 0
      if (waitMs > 0) throw new TooManyFailures(waitMs)
      const row = CLIENT_ID.test(id) ? await store.client(id) : undefined
      if (!row) return NOBODY
      request.client = row
      // A secret is hashed whoever it is said to belong to, so that the time tells nothing about the client.
      const usable = row.authMethod === 'client_secret' || !secret
      return row.disabled || !usable ? NOBODY : metadata(row)
    },
  }
}

function sentSecret(ctx: KoaContext | undefined): boolean {
  return ctx?.headers['authorization'] !== undefined || ctx?.oidc.params?.['client_secret'] !== undefined
}

/** Stands in for clients that do not exist or may not log in: their secret is checked and never matches. */
const NOBODY = { ...metadataOf('nobody', 'client_secret_basic'), client_secret: NOBODYS_HASH }

function metadata({ id, authMethod, secretHash, jwks, jwksUri }: ClientRow): object {
  // With either of client_secret_basic and client_secret_post registered, oidc-provider accepts both.
  if (authMethod === 'client_secret')
    return { ...metadataOf(id, 'client_secret_basic'), client_secret: secretHash ?? NOBODYS_HASH }
  return { ...metadataOf(id, 'private_key_jwt'), ...(jwks ? { jwks } : { jwks_uri: jwksUri }) }
}

function metadataOf(id: string, method: string): object {
  return {
    client_id: id,
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  }
}

/**
 * Assertion ids work once, also across processes: the insert itself decides, so two that arrive together cannot both win.
 * The client is part of the key, as oidc-provider's own joins issuer and jti without a separator.
 */
function usedAssertions({ store, clock }: Options): Adapter {
  let sweptAt = clock.monotonic()
  return {
    ...nothing,
    upsert: async (id, payload, expiresInSeconds) => {
      const digest = hash('sha256', `${String(payload['iss'])}\n${id}`, 'buffer')
      const first = await store.useAssertion(digest, clock.now() + expiresInSeconds * 1_000)
      if (!first) throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
      if (clock.monotonic() - sweptAt > SWEEP_MS) {
        sweptAt = clock.monotonic()
        await store.sweepAssertions(clock.now())
      }
    },
  }
}

const nothing: Adapter = {
  find: () => Promise.resolve(undefined),
  upsert: () => Promise.resolve(),
  destroy: () => Promise.resolve(),
}

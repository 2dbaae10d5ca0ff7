import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Database } from '#db'
import { type Clock, type Log, raise } from '#kernel'
import { createAuthenticate, type Principal, type Refusal } from './authenticate.ts'
import { createClientStates } from './client-state.ts'
import { createFailureLimiter } from './failure-limiter.ts'
import { createProvider, tokenEndpoint } from './provider.ts'
import { type NewClient, registerClient } from './register-client.ts'
import { createSecretChecks } from './secret.ts'
import { openKeyring, type Sealer } from './signing-keys.ts'
import { createIdentityStore } from './store.ts'
import { type Arrival, createTokenEndpoint, type Login } from './token-endpoint.ts'
import { wellKnownDocuments } from './well-known.ts'

/** A registered client, without its credentials. */
export interface ClientSummary {
  id: string
  tenant: number
  scope: string
  authMethod: 'client_secret' | 'private_key_jwt'
  disabled: boolean
  /** Milliseconds since 1970. */
  created: number
}

/** Clients, their tokens and the addresses they get them from; one per process. */
export interface Identity {
  /**
   * Who sent this `Authorization` header. About 2 us for a token seen before; a disabled or changed client's tokens die within 5 s.
   * @throws `identity.token-missing`, `identity.token-invalid`, `identity.token-expired`; `db.unavailable` when that cannot be told
   */
  authenticate(authorization: string | undefined): Promise<Principal>
  /** Answers `/oauth2/token` and `/oauth2/jwks`, errors included; resolves when the answer is on its way. */
  handle(request: IncomingMessage, response: ServerResponse, arrival?: Arrival): Promise<void>
  /** The discovery document at `path` (`/.well-known/...`, also below the FHIR base), if there is one. */
  wellKnown(path: string): object | undefined
  /** Public address of the token endpoint. */
  readonly tokenEndpoint: string
  createClient(client: NewClient): Promise<{ id: string; secret?: string }>
  /** Its tokens die within 5 s. @throws `identity.client-unknown` */
  disableClient(id: string): Promise<void>
  listClients(): Promise<ClientSummary[]>
  /** Whether a client may still act; what it hears may be 5 s old. For work that goes on after its request. */
  isEnabled(id: string): Promise<boolean>
  /** A further tenant; the vault makes its keys when they are first needed. @throws `identity.tenant-exists` */
  createTenant(name: string): Promise<number>
}

/** What `openIdentity` needs. Addresses are as clients see them, also behind a proxy. */
export interface IdentityOptions {
  database: Database
  /** Seals the token signing keys; the vault in the product. */
  sealer: Sealer
  /** Public base address without a path, e.g. `https://record.example.org`. */
  issuer: string
  /** Audience of the access tokens, e.g. `https://record.example.org/fhir/R4`. */
  fhirBase: string
  tokenTtlSeconds: number
  clock: Clock
  log: Log
  /** Makes each issued and each refused token durable; the answer waits for it and is 503 when it rejects. */
  onLogin(login: Login): Promise<void>
  /** Called before `authenticate` rejects a token. */
  onRefused?(refusal: Refusal): Promise<void>
  /** Fetches the key sets of clients registered with an address. Default: the global fetch, never to private addresses. */
  fetch?: typeof globalThis.fetch
}

/**
 * OAuth 2.0 client credentials for SMART backend services. Reads the signing keys, or makes the first.
 * https://hl7.org/fhir/smart-app-launch/backend-services.html
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { database, sealer, issuer, fhirBase, clock, log } = options
  const store = createIdentityStore(database)
  const keyring = await openKeyring({ store, sealer, clock })
  const clients = createClientStates({ store, clock })
  const limiter = createFailureLimiter(clock)
  const secrets = createSecretChecks()
  const documents = wellKnownDocuments({ issuer, fhirBase })
  const authenticate = createAuthenticate({
    issuer,
    audience: fhirBase,
    keyring,
    clients,
    clock,
    onRefused: options.onRefused,
  })
  const handle = createTokenEndpoint({
    issuer,
    limiter,
    log,
    onLogin: options.onLogin,
    currentKeys: keyring.current,
    providerFor: (keys) => createProvider({ ...options, keys, store, limiter, secrets }),
  })
  return {
    authenticate,
    handle,
    wellKnown: (path) => documents.get(path),
    tokenEndpoint: tokenEndpoint(issuer),
    createClient: (client) => registerClient({ store, clock }, client),
    disableClient: async (id) => {
      if (!(await store.disableClient(id)))
        raise({ category: 'not-found', code: 'identity.client-unknown', message: 'There is no client with this id.' })
      clients.forget(id)
    },
    listClients: async () =>
      (await store.clients()).map(({ id, tenant, scope, authMethod, disabled, created }) => ({
        id,
        tenant,
        scope,
        authMethod,
        disabled,
        created,
      })),
    isEnabled: async (id) => (await clients.get(id)).version > 0,
    createTenant: (name) => store.addTenant(name, clock.now()),
  }
}

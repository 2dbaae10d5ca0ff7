import type { JSONWebKeySet } from 'jose'
import type { Database, Row } from '#db'
import { type Fault, raise } from '#kernel'

/** A registered client as stored. */
export interface ClientRow {
  id: string
  tenant: number
  authMethod: 'client_secret' | 'private_key_jwt'
  secretHash: string | undefined
  jwks: JSONWebKeySet | undefined
  jwksUri: string | undefined
  scope: string
  disabled: boolean
  /** Milliseconds since 1970. */
  created: number
  version: number
}

export interface SigningKeyRow {
  kid: string
  created: number
  retired: number | undefined
  sealed: string
}

export interface IdentityStore {
  client(id: string): Promise<ClientRow | undefined>
  clients(): Promise<ClientRow[]>
  addClient(client: Omit<ClientRow, 'disabled' | 'version'>): Promise<void>
  /** False when there is no such client. */
  disableClient(id: string): Promise<boolean>
  /** The new tenant's number. */
  addTenant(name: string, now: number): Promise<number>
  /** The signing key and those retired since `retiredAfter`, newest first. */
  signingKeys(retiredAfter: number): Promise<SigningKeyRow[]>
  /** Nothing happens when another process has replaced the same key, or made the first one, already. */
  addSigningKey(key: { kid: string; sealed: string; now: number; replaces: string | undefined }): Promise<void>
  /** True for the first use of `digest` by any process. */
  useAssertion(digest: Buffer, expires: number): Promise<boolean>
  sweepAssertions(now: number): Promise<void>
}

const CLIENT_COLUMNS = 'id, tenant, auth_method, secret_hash, jwks, jwks_uri, scope, disabled, created, version'
const CLIENT = { name: 'identity.client', text: `select ${CLIENT_COLUMNS} from identity.client where id = $1` }
const CLIENTS = { text: `select ${CLIENT_COLUMNS} from identity.client order by id` }
const ADD_CLIENT = {
  text: `with added as (
    insert into identity.client (id, tenant, auth_method, secret_hash, jwks, jwks_uri, scope, created)
    select $1::text, tenant, $3::text, $4::text, $5::jsonb, $6::text, $7::text, $8::bigint
    from identity.tenant where tenant = $2::int
    on conflict do nothing returning id)
  select exists (select from identity.tenant where tenant = $2::int), exists (select from added)`,
}
const DISABLE_CLIENT = {
  text: 'update identity.client set disabled = true, version = version + 1 where id = $1 returning id',
}
const TENANT = { text: 'select tenant from identity.tenant where tenant = $1::int' }
const ADD_TENANT = {
  text: `insert into identity.tenant (tenant, name, created)
    select max(tenant) + 1, $1::text, $2::bigint from identity.tenant on conflict do nothing returning tenant`,
}
const SIGNING_KEYS = {
  text: `select kid, created, retired, sealed from identity.signing_key
    where retired is null or retired > $1 order by created desc, kid`,
}
const ADD_SIGNING_KEY = {
  text: `with retired as (
    update identity.signing_key set retired = $2::bigint where kid = $4::text and retired is null returning kid)
  insert into identity.signing_key (kid, created, sealed)
  select $1::text, $2::bigint, $3::text where $4::text is null or exists (select from retired)
  on conflict do nothing`,
}
const USE_ASSERTION = {
  name: 'identity.use-assertion',
  text: 'insert into identity.jti (hash, expires) values ($1, $2) on conflict do nothing returning expires',
}
const SWEEP_ASSERTIONS = { text: 'delete from identity.jti where expires < $1' }

export function createIdentityStore(database: Database): IdentityStore {
  return {
    client: async (id) => (await database.query(CLIENT, [id])).map(clientRow)[0],
    clients: async () => (await database.query(CLIENTS)).map(clientRow),
    addClient: (client) => addClient(database, client),
    disableClient: async (id) => (await database.query(DISABLE_CLIENT, [id])).length === 1,
    addTenant: (name, now) => addTenant(database, name, now),
    signingKeys: async (retiredAfter) => (await database.query(SIGNING_KEYS, [retiredAfter])).map(signingKeyRow),
    addSigningKey: async ({ kid, sealed, now, replaces }) => {
      await database.query(ADD_SIGNING_KEY, [kid, now, sealed, replaces])
    },
    useAssertion: async (digest, expires) => (await database.query(USE_ASSERTION, [digest, expires])).length === 1,
    sweepAssertions: async (now) => {
      await database.query(SWEEP_ASSERTIONS, [now])
    },
  }
}

function clientRow(row: Row): ClientRow {
  return {
    id: row[0] as string,
    tenant: row[1] as number,
    authMethod: row[2] as ClientRow['authMethod'],
    secretHash: (row[3] ?? undefined) as string | undefined,
    jwks: (row[4] ?? undefined) as JSONWebKeySet | undefined,
    jwksUri: (row[5] ?? undefined) as string | undefined,
    scope: row[6] as string,
    disabled: row[7] as boolean,
    created: row[8] as number,
    version: row[9] as number,
  }
}

function signingKeyRow(row: Row): SigningKeyRow {
  return {
    kid: row[0] as string,
    created: row[1] as number,
    retired: (row[2] ?? undefined) as number | undefined,
    sealed: row[3] as string,
  }
}

/** Refuse the number of a tenant that does not exist. Fault `identity.tenant-unknown`. */
export async function requireTenant(database: Database, tenant: number): Promise<void> {
  if ((await database.query(TENANT, [tenant])).length === 0) raise(TENANT_UNKNOWN)
}

const TENANT_UNKNOWN: Fault = {
  category: 'invalid',
  code: 'identity.tenant-unknown',
  message: 'There is no tenant with this number. The default tenant is 1.',
}

async function addClient(database: Database, client: Parameters<IdentityStore['addClient']>[0]): Promise<void> {
  const { id, tenant, authMethod, secretHash, jwks, jwksUri, scope, created } = client
  const keys = jwks && JSON.stringify(jwks)
  const [found] = await database.query(ADD_CLIENT, [id, tenant, authMethod, secretHash, keys, jwksUri, scope, created])
  if (found?.[0] !== true) raise(TENANT_UNKNOWN)
  if (found[1] !== true)
    raise({
      category: 'conflict',
      code: 'identity.client-exists',
      message: 'A client with this id exists. Choose another id.',
    })
}

async function addTenant(database: Database, name: string, now: number): Promise<number> {
  const [row] = await database.query(ADD_TENANT, [name, now])
  return (
    (row?.[0] as number | undefined) ??
    raise({
      category: 'conflict',
      code: 'identity.tenant-exists',
      message: 'The tenant was not added: its name is taken, or another one was added at the same moment. Retry.',
    })
  )
}

import { readFile } from 'node:fs/promises'
import type { Database } from '#db'
import { type ClientSummary, type Identity, type NewClient, openIdentity } from '#identity'
import { raise } from '#kernel'
import { type Admin, DEFAULT_TENANT } from './admin.ts'

/** Clients without their credentials. Recorded. */
export function listClients(admin: Admin): Promise<ClientSummary[]> {
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: 'clients list' }, async () =>
    (await identityOf(admin)).listClients(),
  )
}

/** Register a client; the secret is in the answer only when Salus chose it. Faults `identity.*`. */
export async function createClient(admin: Admin, client: NewClient): Promise<{ id: string; secret?: string }> {
  const identity = await identityOf(admin)
  const text = `clients create ${client.id ?? ''}`.trim()
  // The tenant of the record is the default one: the one named may not exist.
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, () => identity.createClient(client))
}

/** Its tokens die within five seconds. Fault `identity.client-unknown`. */
export async function disableClient(admin: Admin, id: string): Promise<void> {
  const identity = await identityOf(admin)
  await admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: `clients disable ${id}` }, () =>
    identity.disableClient(id),
  )
}

/** Larger files are no key sets. */
const JWKS_BYTES_MAX = 256 * 1024

/** The key set in a file. Fault `identity.jwks-invalid`. */
export async function readKeySet(file: string): Promise<NonNullable<NewClient['jwks']>> {
  try {
    const text = await readFile(file, 'utf8')
    if (text.length > JWKS_BYTES_MAX) throw new RangeError('too large')
    return JSON.parse(text) as NonNullable<NewClient['jwks']>
  } catch (error) {
    return raise(
      {
        category: 'invalid',
        code: 'identity.jwks-invalid',
        message: `${file} cannot be read as a JSON Web Key Set. Give a file with {"keys": [...]}, public keys only.`,
      },
      error,
    )
  }
}

/** Addresses play no part in what a command does with clients. */
const NOWHERE = 'http://127.0.0.1'

function identityOf(admin: Admin & { database: Database }): Promise<Identity> {
  return openIdentity({
    database: admin.database,
    sealer: admin.vault,
    issuer: NOWHERE,
    fhirBase: NOWHERE,
    tokenTtlSeconds: admin.config.integer('SALUS_TOKEN_TTL_SECONDS'),
    clock: admin.clock,
    log: admin.log,
    onLogin: async () => undefined,
  })
}

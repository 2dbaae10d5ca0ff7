import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FaultError, raise } from '#kernel'
import type { Identity } from './open-identity.ts'
import { newSecret } from './secret.ts'

/** Everything of the default tenant: what the first client needs to set up the rest. */
const FIRST_SCOPE = 'system/*.cruds'
const FIRST_TENANT = 1
const FIRST_ID = 'first-client'

/**
 * At the very first start, when no client exists: registers `bootstrap` (`<id>:<secret>`), or creates a client with a random
 * secret and writes it to `<dataDir>/client.json`, readable by its owner alone.
 *
 * @returns what to tell the operator (never the secret), or undefined when there are clients already
 * @throws `identity.bootstrap-in-production`
 */
export async function bootstrapClient(
  identity: Identity,
  options: { bootstrap?: string | undefined; dataDir: string; production: boolean },
): Promise<string | undefined> {
  const { bootstrap, dataDir, production } = options
  if (bootstrap !== undefined && production)
    raise({
      category: 'invalid',
      code: 'identity.bootstrap-in-production',
      message: 'SALUS_BOOTSTRAP_CLIENT is refused when SALUS_PROFILE=production. Remove it.',
    })
  if ((await identity.listClients()).length > 0) return undefined
  if (bootstrap !== undefined) {
    const colon = bootstrap.indexOf(':')
    const id = bootstrap.slice(0, colon)
    const made = await createOnce(identity, { id, secret: bootstrap.slice(colon + 1) })
    return made ? `Registered the bootstrap client "${id}" (${FIRST_SCOPE}).` : undefined
  }
  // The file first: a start that is cut short between the two leaves a file whose client the next start registers.
  const path = join(dataDir, 'client.json')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const made = await createOnce(identity, await clientFile(path, identity.tokenEndpoint))
  return made ? `Created the client "${FIRST_ID}" (${FIRST_SCOPE}). Its secret is in ${path}.` : undefined
}

interface Credentials {
  id: string
  secret: string
}

/** False when another process that starts at the same moment was first. */
async function createOnce(identity: Identity, credentials: Credentials): Promise<boolean> {
  try {
    await identity.createClient({ ...credentials, tenant: FIRST_TENANT, scope: FIRST_SCOPE })
    return true
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === 'identity.client-exists') return false
    throw error
  }
}

/** The credentials in the file, which is made if there is none and never overwritten. */
async function clientFile(path: string, tokenUrl: string): Promise<Credentials> {
  const content = {
    id: FIRST_ID,
    secret: newSecret(),
    tokenUrl,
    use: `curl -u <id>:<secret> -d grant_type=client_credentials ${tokenUrl}`,
  }
  try {
    await writeFile(path, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true })
    return content
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readCredentials(path)
}

async function readCredentials(path: string): Promise<Credentials> {
  try {
    const { id, secret } = JSON.parse(await readFile(path, 'utf8')) as Partial<Credentials>
    if (typeof id === 'string' && typeof secret === 'string') return { id, secret }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return raise({
    category: 'invalid',
    code: 'identity.client-file-unreadable',
    message: `${path} is not a client file of Salus and there is no client in the database. Move it away and start again.`,
  })
}

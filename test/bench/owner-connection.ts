import { type Connection, openConnection, runningEmbeddedPostgres } from '../../server/src/platform/db/index.ts'
import type { BenchServer } from './bench-server.ts'

/** URL of a bench server's database, as its owner. */
export async function ownerUrl(server: BenchServer): Promise<string> {
  const url = await runningEmbeddedPostgres(server.dataDir)
  if (url === undefined) throw new Error('the database of the server is not running')
  return url
}

/** A connection to a bench server's database as its owner. */
export async function ownerConnection(server: BenchServer): Promise<Connection> {
  return openConnection({ url: await ownerUrl(server), role: 'owner' })
}

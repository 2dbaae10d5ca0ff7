import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { raise } from '#kernel'

const NAME = /^owner\.[0-9a-f]{8}\.sock$/
/** Two that start in the same instant both step back; after a few rounds of different waits one is alone. */
const ROUNDS_MAX = 8
const ASK_MS = 2_000

/** Hold on a data directory. The kernel ends it with the process, however that dies. */
export interface Claim {
  release(): Promise<void>
}

/**
 * Become the one owner of a cluster, or fault `db.data-dir-in-use`. Each candidate listens on a socket of its own
 * first and looks for others then, so two can never both succeed; a socket nobody answers is a dead owner's.
 */
export async function claimCluster(run: string): Promise<Claim> {
  for (let round = 0; ; round++) {
    const own = `owner.${randomBytes(4).toString('hex')}.sock`
    const server = await listen(join(run, own))
    const other = await livingOwner(run, own)
    if (other === undefined) return { release: () => closeServer(server) }
    await closeServer(server)
    if (round === ROUNDS_MAX)
      raise({
        category: 'conflict',
        code: 'db.data-dir-in-use',
        message: `Another Salus (process ${other}) uses this data directory. Stop it first, raise its SALUS_WORKERS instead of starting a second one, or set another SALUS_DATA_DIR.`,
      })
    await sleep(20 + (randomBytes(1)[0] ?? 0))
  }
}

/** Process id of the owner that runs the cluster now; undefined when there is none. */
export async function livingOwner(run: string, except?: string): Promise<number | undefined> {
  for (const name of directory(run)) {
    if (!NAME.test(name) || name === except) continue
    const pid = await ask(join(run, name))
    if (pid !== undefined) return pid
    rmSync(join(run, name), { force: true })
  }
  return undefined
}

function directory(run: string): string[] {
  try {
    return readdirSync(run)
  } catch {
    return []
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(`${process.pid}\n`)
    })
    server.once('error', reject)
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** The answering process's id, 0 when it is too busy to say, undefined when nobody listens. */
function ask(path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(path)
    socket.setTimeout(ASK_MS, () => socket.destroy())
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined)
    })
    socket.on('close', () => resolve(Number.parseInt(heard, 10) || 0))
  })
}

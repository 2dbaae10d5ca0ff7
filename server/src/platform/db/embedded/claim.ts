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
  for (let round = 1; ; round++) {
    const own = `owner.${randomBytes(4).toString('hex')}.sock`
    const candidate = await listen(join(run, own))
    const other = await livingOwner(run, own)
    if (other === undefined) {
      candidate.settled = true
      return { release: () => closeServer(candidate.server) }
    }
    await closeServer(candidate.server)
    if (other.settled || round === ROUNDS_MAX)
      raise({
        category: 'conflict',
        code: 'db.data-dir-in-use',
        message: `Another Salus (process ${other.pid}) uses this data directory. Stop it first, raise its SALUS_WORKERS instead of starting a second one, or set another SALUS_DATA_DIR.`,
      })
    await sleep(20 + (randomBytes(1)[0] ?? 0))
  }
}

interface Owner {
  pid: number
  /** False while it is still looking for others itself. */
  settled: boolean
}

/** Who holds the cluster now; undefined when nobody does. */
export async function livingOwner(run: string, except?: string): Promise<Owner | undefined> {
  for (const name of directory(run)) {
    if (!NAME.test(name) || name === except) continue
    const owner = await ask(join(run, name))
    if (owner !== undefined) return owner
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

interface Candidate {
  server: Server
  settled: boolean
}

function listen(path: string): Promise<Candidate> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(`${process.pid} ${candidate.settled ? 'owner' : 'candidate'}\n`)
    })
    const candidate = { server, settled: false }
    server.once('error', reject)
    server.listen(path, () => {
      server.unref()
      resolve(candidate)
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** What the one who listens says of itself (too busy to answer in time counts as settled); undefined when nobody does. */
function ask(path: string): Promise<Owner | undefined> {
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
    socket.on('close', () => {
      const [, pid, state] = /^(\d+) (owner|candidate)/.exec(heard) ?? []
      resolve({ pid: Number(pid ?? 0), settled: state !== 'candidate' })
    })
  })
}

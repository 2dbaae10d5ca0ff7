import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchServer } from './bench-server.ts'
import { type Answer, Link } from './link.ts'
import { hostCpu, sampleTree } from './process-tree.ts'
import { spreadLinks } from './spread-links.ts'

/** One request and what it counts for. */
export interface BenchRequest {
  bytes: Buffer
  /** Resources it writes; default 1. */
  units?: number
}

export interface Load {
  server: BenchServer
  connections: number
  warmSeconds: number
  seconds: number
  next(): BenchRequest
  /** Looks into an answer with a good status; false makes the run fail. Asked for a sixteenth of the answers. */
  check?(answer: Answer): boolean
}

/** Figures of one load, each with its unit last. Rates and CPU are per unit of the requests. */
export type Figures = Record<string, number>

/** Looking into each answer would take more of the client than asking for it. */
const CHECK_EVERY = 16
const MEMORY_SAMPLE_MS = 500
const US_PER_SECOND = 1_000_000

/**
 * Keep each connection busy with one request at a time and measure for `seconds`. Rejects at the first answer that is
 * not a success: a rate with failures in it is no result.
 */
export async function runLoad(load: Load): Promise<Figures> {
  const { server, connections, warmSeconds, seconds } = load
  const links = await spreadLinks(server, connections)
  const began = performance.now() + warmSeconds * 1_000
  const end = began + seconds * 1_000
  const latencies: number[] = []
  let units = 0
  let answers = 0
  const drive = async (link: Link): Promise<void> => {
    while (performance.now() < end) {
      const request = load.next()
      const sent = performance.now()
      const answer = await link.send(request.bytes)
      const received = performance.now()
      if (!isGood(answer) || (answers++ % CHECK_EVERY === 0 && load.check?.(answer) === false))
        throw new Error(`answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`)
      if (received < began || received > end) continue
      latencies.push(received - sent)
      units += request.units ?? 1
    }
  }
  try {
    const [used] = await Promise.all([watch(server.pid, began, end), ...links.map(drive)])
    return { perSecond: units / seconds, ...percentiles(latencies), ...perUnit(used, units, seconds) }
  } finally {
    for (const link of links) link.close()
  }
}

/** Send each request of `requests` once, as fast as the connections allow. */
export async function sendAll(options: {
  server: BenchServer
  connections: number
  requests: Iterator<BenchRequest>
  onAnswer?(answer: Answer): void
}): Promise<void> {
  const links = await Promise.all(Array.from({ length: options.connections }, () => Link.open(options.server)))
  const drive = async (link: Link): Promise<void> => {
    for (let next = options.requests.next(); !next.done; next = options.requests.next()) {
      const answer = await link.send(next.value.bytes)
      if (!isGood(answer)) throw new Error(`answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`)
      options.onAnswer?.(answer)
    }
  }
  try {
    await Promise.all(links.map(drive))
  } finally {
    for (const link of links) link.close()
  }
}

function isGood({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

interface Used {
  server: number
  database: number
  client: number
  host: number
  serverMb: number
  databaseMb: number
}

/** CPU seconds between two moments, and the most memory held. */
async function watch(root: number, began: number, end: number): Promise<Used> {
  await sleep(began - performance.now())
  const before = { tree: sampleTree(root), host: hostCpu(), own: process.cpuUsage() }
  let { serverMb, databaseMb } = before.tree
  for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
    await sleep(Math.min(MEMORY_SAMPLE_MS, left))
    const now = sampleTree(root)
    serverMb = Math.max(serverMb, now.serverMb)
    databaseMb = Math.max(databaseMb, now.databaseMb)
  }
  const tree = sampleTree(root)
  const own = process.cpuUsage(before.own)
  return {
    server: tree.serverCpu - before.tree.serverCpu,
    database: tree.databaseCpu - before.tree.databaseCpu,
    client: (own.user + own.system) / US_PER_SECOND,
    host: hostCpu() - before.host,
    serverMb,
    databaseMb,
  }
}

function perUnit(used: Used, units: number, seconds: number): Figures {
  const percent = (cpuSeconds: number): number => (cpuSeconds / seconds) * 100
  return {
    serverUs: (used.server * US_PER_SECOND) / units,
    databaseUs: (used.database * US_PER_SECOND) / units,
    serverMb: used.serverMb,
    databaseMb: used.databaseMb,
    hostCpuPercent: percent(used.host),
    clientCpuPercent: percent(used.client),
    // What ran beside the benchmark: a run is worth little when this is not near zero.
    otherCpuPercent: Math.max(0, percent(used.host - used.server - used.database - used.client)),
  }
}

function percentiles(latencies: number[]): Figures {
  if (latencies.length === 0) throw new Error('no answer arrived in the measured time')
  const sorted = Float64Array.from(latencies).sort()
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}

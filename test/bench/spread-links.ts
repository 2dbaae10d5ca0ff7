import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { BenchServer } from './bench-server.ts'
import { Link } from './link.ts'
import { sampleTree } from './process-tree.ts'

/** The kernel spreads connections by chance; this many are opened at most to give each process its share. */
const OPENED_MAX = 200

/**
 * `count` connections, as many at each server process: with four connections chance would often leave one process idle,
 * which a load balancer does not.
 */
export async function spreadLinks(server: BenchServer, count: number): Promise<Link[]> {
  if (server.workers === 1) return Promise.all(Array.from({ length: count }, () => Link.open(server)))
  const share = Math.ceil(count / server.workers)
  const held = new Map<number, number>()
  const links: Link[] = []
  for (let opened = 0; opened < OPENED_MAX && links.length < count; opened++) {
    const link = await Link.open(server)
    // A connection belongs to a process once that has accepted it, which an answer proves.
    await link.send(server.request('GET', '/metadata?_summary=true'))
    const owner = ownerOf(link.localPort, server)
    const has = held.get(owner) ?? 0
    if (owner === 0 || has >= share) link.close()
    else {
      held.set(owner, has + 1)
      links.push(link)
    }
  }
  if (links.length < count) throw new Error('the connections could not be spread over the server processes')
  return links
}

/** Process that holds the server's end of a connection; 0 when it is not found. */
function ownerOf(clientPort: number, server: BenchServer): number {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')
  const row = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, remote]) => local?.endsWith(`:${hex(server.port)}`) && remote?.endsWith(`:${hex(clientPort)}`))
  const socket = `socket:[${row?.[9] ?? ''}]`
  const holds = (pid: number): boolean =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === socket
      } catch {
        return false
      }
    })
  return sampleTree(server.pid).serverPids.find(holds) ?? 0
}

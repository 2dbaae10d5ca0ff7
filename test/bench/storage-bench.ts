import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '../../server/src/platform/db/index.ts'
import type { Bench } from './bench.ts'
import { startBenchServer } from './bench-server.ts'
import { type BenchRequest, type Figures, sendAll } from './closed-loop.ts'
import { allLoads } from './load-bench.ts'
import { ownerConnection } from './owner-connection.ts'
import { seedRecord } from './seed-record.ts'

const CONNECTIONS = 16
/** The cleaner of the token index and the audit indexer work behind the answers: done when nothing grows this long. */
const SETTLE_MS = 3_000
const SETTLE_ROUNDS_MAX = 40

/** Bytes on disk and in the WAL per Observation, everything that a create writes included. */
export const storageBench: Bench = {
  names: ['storage'],
  async run({ sizes, report }) {
    const server = await startBenchServer()
    try {
      const ids = await seedRecord(server, sizes)
      const owner = await ownerConnection(server)
      const before = await settled(owner)
      const { create } = await allLoads(server, ids)
      const count = sizes.storedObservations
      await sendAll({ server, connections: CONNECTIONS, requests: times(count, create.next) })
      const after = await settled(owner)
      await owner.close()
      report({ bench: 'storage', figures: perObservation(before, after, count) })
    } finally {
      await server.stop()
    }
  },
}

function* times(count: number, next: () => BenchRequest): Generator<BenchRequest> {
  for (let n = 0; n < count; n++) yield next()
}

interface Disk {
  wal: number
  /** Bytes of each relation: tables, and their indexes. */
  relations: Map<string, number>
}

async function settled(owner: Connection): Promise<Disk> {
  let last = await measure(owner)
  for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
    await sleep(SETTLE_MS)
    const now = await measure(owner)
    if ([...now.relations].every(([name, bytes]) => last.relations.get(name) === bytes)) return now
    last = now
  }
  throw new Error('the database did not come to rest')
}

async function measure(owner: Connection): Promise<Disk> {
  const [wal] = await owner.query({ text: `select pg_current_wal_lsn() - '0/0'::pg_lsn` })
  const rows = await owner.query({
    text: `select n.nspname || '.' || c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and n.nspname !~ '^(pg_|information_schema)'`,
  })
  const relations = new Map<string, number>()
  for (const [name, table, indexes] of rows as [string, number, number][]) {
    relations.set(`${name} table`, Number(table))
    relations.set(`${name} indexes`, Number(indexes))
  }
  return { wal: Number(wal?.[0]), relations }
}

function perObservation(before: Disk, after: Disk, count: number): Figures {
  const grown = [...after.relations]
    .map(([name, bytes]) => [name, (bytes - (before.relations.get(name) ?? 0)) / count] as const)
    .filter(([, bytes]) => bytes !== 0)
    .sort(([, a], [, b]) => b - a)
  return {
    diskBytes: grown.reduce((sum, [, bytes]) => sum + bytes, 0),
    walBytes: (after.wal - before.wal) / count,
    ...Object.fromEntries(grown),
  }
}

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Json, TestClient } from '../fixtures/server.ts'

/** A write the server said is stored. `serial`: what the writer put into it. */
export interface Acknowledged {
  type: string
  id: string
  version: number
  serial: string
}

/** Everything clients were told. */
export interface Told {
  writes: Acknowledged[]
  /** Transactions that were acknowledged, by serial. */
  transactions: Set<string>
  /** Conditions under which a resource was created or found, with its id. */
  conditions: Map<string, Set<string>>
  /** Reads answered, by `Type/id`. */
  reads: Map<string, number>
  /** Answers that no crash explains. */
  strange: string[]
}

export const TRANSACTION_ENTRIES = 5
/** How long a writer waits before it tries a server that is down again. */
const PAUSE_MS = 50
/** A server that is going down, or whose database is, may say so (504: nobody knows whether it was stored); a race may be lost. */
const EXPECTED = new Set([409, 412, 429, 503, 504])

export function nothingTold(): Told {
  return { writes: [], transactions: new Set(), conditions: new Map(), reads: new Map(), strange: [] }
}

/** Eight clients at once: three create, two update, two send transactions, one creates under conditions that race. */
export function startLoad(client: TestClient, told: Told): { stop(): Promise<void> } {
  let running = true
  const run = async (step: (serial: string) => Promise<void>): Promise<void> => {
    while (running) {
      try {
        await step(randomUUID())
      } catch {
        // The connection broke: nobody knows whether it was stored.
        await sleep(PAUSE_MS)
      }
    }
  }
  const lanes = [
    ...[1, 2, 3].map(() => run((serial) => create(client, told, serial))),
    ...['one', 'two'].map((name) => run(updater(client, told, `durable-${name}`))),
    ...[1, 2].map(() => run((serial) => transaction(client, told, serial))),
    ...[1, 2].map((lane) => run((serial) => conditional(client, told, `${lane}-${serial}`))),
  ]
  return {
    async stop() {
      running = false
      await Promise.all(lanes)
    },
  }
}

function identified(serial: string): Json {
  return [{ system: 'urn:durability', value: serial }]
}

async function create(client: TestClient, told: Told, serial: string): Promise<void> {
  const answer = await client.post('Basic', {
    resourceType: 'Basic',
    code: { text: 'x' },
    identifier: identified(serial),
  })
  if (!(await isDone(told, answer, [201]))) return
  told.writes.push(acknowledged(answer, serial))
  const read = await client.get(`Basic/${answer.body.id}`)
  if (!(await isDone(told, read, [200]))) return
  const key = `Basic/${answer.body.id}`
  told.reads.set(key, (told.reads.get(key) ?? 0) + 1)
}

let updates = 0

/** Each writer has a resource of its own, whose serial only grows. */
function updater(client: TestClient, told: Told, id: string): () => Promise<void> {
  return async () => {
    const serial = String(++updates).padStart(8, '0')
    const patient = { resourceType: 'Patient', id, identifier: identified(serial) }
    const answer = await client.put(`Patient/${id}`, patient)
    if (await isDone(told, answer, [200, 201])) told.writes.push(acknowledged(answer, serial))
  }
}

async function transaction(client: TestClient, told: Told, serial: string): Promise<void> {
  const fullUrl = `urn:uuid:${randomUUID()}`
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
    subject: { reference: fullUrl },
    identifier: identified(serial),
  }
  const entry: Json[] = [
    {
      fullUrl,
      resource: { resourceType: 'Patient', identifier: identified(serial) },
      request: { method: 'POST', url: 'Patient' },
    },
    ...Array.from({ length: TRANSACTION_ENTRIES - 1 }, () => ({
      resource: observation,
      request: { method: 'POST', url: 'Observation' },
    })),
  ]
  const answer = await client.post('', { resourceType: 'Bundle', type: 'transaction', entry })
  if (!(await isDone(told, answer, [200]))) return
  told.transactions.add(serial)
  for (const { response } of answer.body.entry as Json[]) {
    const [type = '', id = '', , version] = String(response.location).split('/').slice(-4)
    told.writes.push({ type, id, version: Number(version), serial })
  }
}

let turn = 0

/** Two clients meet at each condition; whoever is first creates. */
async function conditional(client: TestClient, told: Told, serial: string): Promise<void> {
  const condition = `condition-${Math.floor(turn++ / 2)}`
  const organization = { resourceType: 'Organization', name: serial, identifier: identified(condition) }
  const answer = await client.post('Organization', organization, { 'if-none-exist': `identifier=${condition}` })
  if (!(await isDone(told, answer, [200, 201]))) return
  const ids = told.conditions.get(condition) ?? new Set()
  told.conditions.set(condition, ids.add(answer.body.id))
  if (answer.status === 201) told.writes.push(acknowledged(answer, condition))
}

async function isDone(told: Told, answer: Answer, wanted: number[]): Promise<boolean> {
  if (wanted.includes(answer.status)) return true
  if (!EXPECTED.has(answer.status)) told.strange.push(`${answer.status} ${answer.text.slice(0, 300)}`)
  await sleep(PAUSE_MS)
  return false
}

function acknowledged(answer: Answer, serial: string): Acknowledged {
  const { resourceType, id, meta } = answer.body
  return { type: resourceType, id, version: Number(meta.versionId), serial }
}

import { createHash, randomUUID } from 'node:crypto'
import { type AuditRecord, type Ledger, RACE_LOST } from '#audit'
import type { Database } from '#db'
import { type Clock, FaultError, LIMITS } from '#kernel'
import { Inquiry } from '../engine/inquiry.ts'
import { TerminologyError } from '../engine/issues.ts'
import { Library, requestShelf, type Shelf } from '../engine/library.ts'
import { findCode } from '../engine/lookup.ts'
import { type Json, text } from '../engine/resources.ts'
import { invalid, Settings } from '../engine/settings.ts'
import { Work } from '../engine/work.ts'
import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { ParametersIn } from '../operations/parameters-in.ts'
import {
  type ClosureChange,
  type ClosureConcept,
  type ClosureName,
  type ClosureState,
  closureComposer,
  closureConcepts,
  closureState,
  countClosures,
} from './store.ts'

/** A call of $closure. */
export interface ClosureCall {
  tenant: number
  /** Whose table it is. */
  client: string
  parameters: Json
  record: Shelf
  /** Becomes durable with the change, or neither does. */
  audit: AuditRecord
}

/** Closure tables of one client, which needs one. */
const TABLES_MAX = 100
const NAME_CHARS_MAX = 200
/** Concepts looked up at once: they share a query where the code system is large. */
const FOUND_AT_ONCE = 500

interface Closures {
  database: Database
  ledger: Pick<Ledger, 'commit'>
  clock: Clock
  shelves: readonly Shelf[]
}

/**
 * Maintain a client's closure table: http://hl7.org/fhir/R4/conceptmap-operation-closure.html
 * Without concepts the table is started anew; with concepts they are added, and the answer says how they stand to those already
 * there; with `version` it repeats what was added since. What is changed travels through the ledger with its audit record; faults
 * of the ledger.
 */
export async function closure(parts: Closures, call: ClosureCall): Promise<object> {
  const parameters = new ParametersIn(call.parameters)
  const name = parameters.text('name')
  if (name === undefined || name.length > NAME_CHARS_MAX || name.includes('\0'))
    throw invalid(`Give the name of the closure table, of at most ${NAME_CHARS_MAX} characters.`)
  const table = { tenant: call.tenant, client: call.client, name }
  const version = parameters.text('version')
  if (version !== undefined && !/^\d{1,9}$/.test(version)) throw invalid('The version of a closure table is a number.')
  const given = parameters.all('concept').map((one) => one.valueCoding as Json)
  if (given.length === 0 && version === undefined) return retried(() => started(parts, call, table))
  const own = requestShelf(parameters.resources('tx-resource'))
  const library = new Library(own, [call.record, ...parts.shelves])
  const inquiry = new Inquiry(library, new Settings(false), new Work(parts.clock))
  const concepts = await known(inquiry, given)
  const since = version === undefined ? undefined : Number(version)
  return retried(() => extended(parts, call, { table, inquiry, concepts, since }))
}

interface Extension {
  table: ClosureName
  inquiry: Inquiry
  concepts: readonly { system: string; code: string }[]
  since: number | undefined
}

/** The answer is made first: a table never has what nobody could be told of. */
async function extended(parts: Closures, call: ClosureCall, extension: Extension): Promise<object> {
  const { table, inquiry, concepts, since } = extension
  const state = (await closureState(parts.database, table)) ?? raiseMissing()
  const before = await closureConcepts(parts.database, table)
  const held = new Set(before.map(({ system, code }) => `${system}|${code}`))
  const fresh = concepts.filter(({ system, code }) => !held.has(`${system}|${code}`))
  if (before.length + fresh.length > TERMINOLOGY_LIMITS.closureConceptsMax)
    throw invalid(`A closure table has at most ${TERMINOLOGY_LIMITS.closureConceptsMax} concepts.`)
  const version = fresh.length > 0 ? state.version + 1 : state.version
  const all: ClosureConcept[] = [...before, ...fresh.map((one) => ({ ...one, version }))]
  const from = since ?? state.version
  const added = all.filter((one) => one.version > from)
  const at = parts.clock.now()
  const answer = conceptMap(table.name, version, at, await relations(inquiry, all, added))
  if (fresh.length > 0) await commit(parts, call, state, { ...table, version, at, stamp: randomUUID(), added: fresh })
  return answer
}

async function started(parts: Closures, call: ClosureCall, table: ClosureName): Promise<object> {
  const state = await closureState(parts.database, table)
  if (!state && (await countClosures(parts.database, table.tenant, table.client)) >= TABLES_MAX)
    throw invalid(`A client has at most ${TABLES_MAX} closure tables.`)
  const at = parts.clock.now()
  await commit(parts, call, state, { ...table, version: 0, at, stamp: randomUUID() })
  return conceptMap(table.name, 0, at, [])
}

/** Rows and audit record in one unit, which loses its race when the table is no longer what the change was decided on. */
function commit(
  { ledger }: Closures,
  { audit }: ClosureCall,
  before: ClosureState | undefined,
  change: ClosureChange,
): Promise<void> {
  const key = `terminology.closure\0${change.tenant}\0${change.client}\0${change.name}`
  return ledger.commit({
    records: [audit],
    write: { composer: closureComposer, rows: change },
    locks: [createHash('sha256').update(key).digest().readBigInt64BE()],
    verify: async (connection) => (await closureState(connection, change))?.stamp === before?.stamp,
  })
}

/** Again with what is there now, when another call of the same client was first. */
async function retried(work: () => Promise<object>): Promise<object> {
  for (let attempt = 1; ; attempt++)
    try {
      return await work()
    } catch (error) {
      const isLost = error instanceof FaultError && error.fault.code === RACE_LOST.code
      if (!isLost || attempt >= LIMITS.writeAttemptsMax) throw error
    }
}

/** Concepts given, each once; a code that is none is a fault. */
async function known(inquiry: Inquiry, given: readonly Json[]): Promise<{ system: string; code: string }[]> {
  if (given.length > TERMINOLOGY_LIMITS.closureConceptsMax)
    throw invalid(`A closure table has at most ${TERMINOLOGY_LIMITS.closureConceptsMax} concepts.`)
  const concepts = new Map<string, { system: string; code: string }>()
  for (const coding of given) {
    const system = text(coding, 'system')
    const code = text(coding, 'code')
    if (system === undefined || code === undefined) throw invalid('A concept has a system and a code.')
    concepts.set(`${system}|${code}`, { system, code })
  }
  const all = [...concepts.values()]
  for (let from = 0; from < all.length; from += FOUND_AT_ONCE) {
    await inquiry.work.turn()
    const some = all.slice(from, from + FOUND_AT_ONCE)
    await Promise.all(some.map(({ system, code }) => findCode(inquiry, { system, version: undefined, code })))
  }
  return all
}

interface Relation {
  system: string
  below: string
  above: string
}

/** How the added concepts stand to all of the table. */
async function relations(
  inquiry: Inquiry,
  table: readonly ClosureConcept[],
  added: readonly ClosureConcept[],
): Promise<Relation[]> {
  const found: Relation[] = []
  const isAdded = new Set(added)
  const bySystem = Map.groupBy(table, ({ system }) => system)
  for (const [system, others] of bySystem) {
    const mine = others.filter((one) => isAdded.has(one))
    const provider = mine.length > 0 ? await inquiry.system(system, undefined) : undefined
    if (!provider) continue
    const compare = await provider.compare?.(others.map(({ code }) => code))
    for (const one of mine)
      for (const other of others) {
        // A pair of added concepts is looked at once.
        if (one === other || (isAdded.has(other) && other.code < one.code)) continue
        inquiry.spend(1)
        await inquiry.work.turn()
        const outcome = compare
          ? compare(one.code, other.code)
          : await provider.subsumes(one.code, other.code, (visits) => inquiry.spend(visits))
        if (outcome === 'subsumed-by') found.push({ system, below: one.code, above: other.code })
        if (outcome === 'subsumes') found.push({ system, below: other.code, above: one.code })
      }
  }
  return found
}

function conceptMap(name: string, version: number, at: number, found: readonly Relation[]): object {
  const systems = [...new Set(found.map(({ system }) => system))]
  return {
    resourceType: 'ConceptMap',
    id: randomUUID(),
    version: String(version),
    name,
    status: 'active',
    experimental: true,
    date: new Date(at).toISOString(),
    ...(systems.length === 0 ? {} : { group: systems.map((system) => group(system, found)) }),
  }
}

function group(system: string, found: readonly Relation[]): object {
  const own = Map.groupBy(
    found.filter((one) => one.system === system),
    ({ below }) => below,
  )
  return {
    source: system,
    target: system,
    // The target subsumes the source: http://hl7.org/fhir/R4/valueset-concept-map-equivalence.html
    element: [...own].map(([code, above]) => ({
      code,
      target: above.map((one) => ({ code: one.above, equivalence: 'subsumes' })),
    })),
  }
}

function raiseMissing(): never {
  throw new TerminologyError(
    {
      severity: 'error',
      code: 'not-found',
      type: 'not-found',
      text: 'There is no closure table of that name. Call $closure with the name alone to start one.',
    },
    404,
  )
}

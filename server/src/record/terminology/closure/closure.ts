import { randomUUID } from 'node:crypto'
import type { Database } from '#db'
import type { Clock } from '#kernel'
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
  addToClosure,
  type ClosureConcept,
  closureConcepts,
  countClosures,
  lockClosure,
  resetClosure,
} from './store.ts'

/** A call of $closure. */
export interface ClosureCall {
  tenant: number
  parameters: Json
  record: Shelf
}

/** Closure tables of one tenant; a client needs one. */
const TABLES_MAX = 1_000
const NAME_CHARS_MAX = 200
/** Concepts looked up at once: they share a query where the code system is large. */
const FOUND_AT_ONCE = 500

interface Closures {
  database: Database
  clock: Clock
  shelves: readonly Shelf[]
}

/**
 * Maintain a client's closure table: http://hl7.org/fhir/R4/conceptmap-operation-closure.html
 * Without concepts the table is started anew; with concepts they are added, and the answer says how they stand to those already
 * there; with `version` it repeats what was added since.
 */
export async function closure(parts: Closures, call: ClosureCall): Promise<object> {
  const parameters = new ParametersIn(call.parameters)
  const name = parameters.text('name')
  if (name === undefined || name.length > NAME_CHARS_MAX)
    throw invalid(`Give the name of the closure table, of at most ${NAME_CHARS_MAX} characters.`)
  const since = parameters.text('version')
  const given = parameters.all('concept').map((one) => one.valueCoding as Json)
  if (given.length === 0 && since === undefined) return started(parts, call.tenant, name)
  const own = requestShelf(parameters.resources('tx-resource'))
  const inquiry = new Inquiry(
    new Library(own, [call.record, ...parts.shelves]),
    new Settings(false),
    new Work(parts.clock),
  )
  const concepts = await known(inquiry, given)
  const at = parts.clock.now()
  const { table, added, version } = await parts.database.transaction(async (tx) => {
    const current = await lockClosure(tx, call.tenant, name)
    if (current === undefined) throw missing()
    const before = await closureConcepts(tx, call.tenant, name)
    const held = new Set(before.map(({ system, code }) => `${system}|${code}`))
    const fresh = concepts.filter(({ system, code }) => !held.has(`${system}|${code}`))
    if (before.length + fresh.length > TERMINOLOGY_LIMITS.closureConceptsMax)
      throw invalid(`A closure table has at most ${TERMINOLOGY_LIMITS.closureConceptsMax} concepts.`)
    const next = fresh.length > 0 ? current + 1 : current
    if (fresh.length > 0) await addToClosure(tx, { tenant: call.tenant, name, version: next, at }, fresh)
    const all: ClosureConcept[] = [...before, ...fresh.map((one) => ({ ...one, version: next }))]
    const from = since === undefined ? current : Number(since)
    return { table: all, added: all.filter((one) => one.version > from), version: next }
  })
  return conceptMap(name, version, at, await relations(inquiry, table, added))
}

async function started({ database, clock }: Closures, tenant: number, name: string): Promise<object> {
  const at = clock.now()
  await database.transaction(async (tx) => {
    const isNew = (await lockClosure(tx, tenant, name)) === undefined
    if (isNew && (await countClosures(tx, tenant)) >= TABLES_MAX)
      throw invalid(`A tenant has at most ${TABLES_MAX} closure tables.`)
    await resetClosure(tx, tenant, name, at)
  })
  return conceptMap(name, 0, at, [])
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

function missing(): TerminologyError {
  return new TerminologyError(
    {
      severity: 'error',
      code: 'not-found',
      type: 'not-found',
      text: 'There is no closure table of that name. Call $closure with the name alone to start one.',
    },
    404,
  )
}

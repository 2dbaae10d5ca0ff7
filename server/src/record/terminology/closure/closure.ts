import { randomUUID } from 'node:crypto'
import type { Database } from '#db'
import type { Clock } from '#kernel'
import { Inquiry } from '../engine/inquiry.ts'
import { TerminologyError } from '../engine/issues.ts'
import { Library, requestShelf, type Shelf } from '../engine/library.ts'
import { findCode } from '../engine/lookup.ts'
import { type Json, text } from '../engine/resources.ts'
import { invalid, Settings } from '../engine/settings.ts'
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
  const inquiry = new Inquiry(new Library(own, [call.record, ...parts.shelves]), new Settings(false))
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
    await findCode(inquiry, { system, version: undefined, code })
    concepts.set(`${system}|${code}`, { system, code })
  }
  return [...concepts.values()]
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
  for (const one of added)
    for (const other of table) {
      if (one === other || one.system !== other.system) continue
      // A pair of added concepts is looked at once.
      if (isAdded.has(other) && other.code < one.code) continue
      inquiry.spend(1)
      const provider = await inquiry.system(one.system, undefined)
      const outcome = await provider?.subsumes(one.code, other.code)
      if (outcome === 'subsumed-by') found.push({ system: one.system, below: one.code, above: other.code })
      if (outcome === 'subsumes') found.push({ system: one.system, below: other.code, above: one.code })
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

import type { Database } from '#db'
import type {
  CodeSystemHead,
  CodeSystemProvider,
  Concept,
  ConceptProperty,
  Filter,
  PageWish,
  Relative,
  Selection,
  Subsumption,
} from '../engine/concept.ts'
import type { Designation } from '../engine/displays.ts'
import type { Json } from '../engine/resources.ts'
import { canonicalOfResource } from '../engine/resources.ts'
import { supplemented } from '../systems/supplement.ts'
import { wordsOf } from '../systems/text-filter.ts'
import type { ChosenSet } from './chosen-sets.ts'
import { conditionOf } from './conditions.ts'
import {
  type ConceptRow,
  type Condition,
  childrenOf,
  conceptByFolded,
  conceptsById,
  conceptWhere,
  idsWhere,
  isStorable,
  lineages,
  type SystemRow,
} from './store.ts'
import type { TextIndex } from './text-index.ts'

/** What all requests share of one loaded system. */
export interface LargeShared {
  database: Database
  row: SystemRow
  /** Joined with the other look-ups of the turn. */
  find(code: string): Promise<ConceptRow | undefined>
  text(): Promise<TextIndex>
  /** Numbers of the concepts that filters choose, remembered for text filters. */
  chosen(key: string, fetch: () => Promise<readonly number[]>): Promise<ChosenSet>
}

/** Concepts chosen by a filter that a text filter looks through. */
const CHOSEN_MAX = 1_000_000

/** A code system in the database. */
export class LargeProvider implements CodeSystemProvider {
  readonly head: CodeSystemHead
  readonly supplements: readonly string[]
  readonly isLarge = true
  readonly #shared: LargeShared
  readonly #overlay: (concept: Concept) => Concept

  constructor(shared: LargeShared, supplements: readonly Json[]) {
    this.#shared = shared
    this.head = headOf(shared.row)
    this.supplements = supplements.map(canonicalOfResource)
    this.#overlay = supplemented(supplements)
  }

  async find(code: string): Promise<Concept | undefined> {
    const row = await this.#row(code)
    return row && this.#overlay(conceptOf(row, this.#shared.row))
  }

  async relatives(code: string): Promise<{ parents: readonly Relative[]; children: readonly Relative[] }> {
    const row = await this.#row(code)
    if (!row) return { parents: [], children: [] }
    const { database, row: system } = this.#shared
    const children = row.children === 0 ? [] : await childrenOf(database, system.id, row.id)
    return {
      parents: row.up.map(([parent, display]) => ({ code: parent, display: display ?? undefined })),
      children: children.map(([child, display]) => ({ code: child, display: display ?? undefined })),
    }
  }

  async select(filters: readonly Filter[]): Promise<Selection | undefined> {
    if (filters.length === 0) return this.#selection(undefined, '')
    const { database, row } = this.#shared
    const condition = await conditionOf(row.id, filters, (codes) => lineages(database, row.id, codes))
    return condition && this.#selection(condition, JSON.stringify(filters))
  }

  async subsumes(a: string, b: string): Promise<Subsumption | undefined> {
    const { database, row } = this.#shared
    return comparison(await lineages(database, row.id, [a, b]))(a, b)
  }

  async compare(codes: readonly string[]): Promise<(a: string, b: string) => Subsumption | undefined> {
    const { database, row } = this.#shared
    return comparison(await lineages(database, row.id, codes))
  }

  async #row(code: string): Promise<ConceptRow | undefined> {
    if (!isStorable(code)) return undefined
    const exact = await this.#shared.find(code)
    if (exact || this.head.isCaseSensitive) return exact
    return conceptByFolded(this.#shared.database, this.#shared.row.id, code)
  }

  #selection(condition: Condition | undefined, key: string): Selection {
    const { database, row } = this.#shared
    const all: Condition = condition ?? { sql: 'true', values: [] }
    const concept = (found: ConceptRow): Concept => this.#overlay(conceptOf(found, row))
    return {
      find: async (code) => {
        if (!condition) return this.find(code)
        const found = isStorable(code) && (await conceptWhere(database, row.id, code, condition))
        return found ? concept(found) : undefined
      },
      count: async (atMost) => (condition ? (await idsWhere(database, row.id, all, atMost)).length : row.concepts),
      page: async (wish) => {
        const ids = await this.#page(wish, condition, key)
        const rows = new Map((await conceptsById(database, row.id, ids)).map((one) => [one.id, one]))
        return ids.map((id) => rows.get(id)).flatMap((one) => (one ? [concept(one)] : []))
      },
    }
  }

  async #page(wish: PageWish, condition: Condition | undefined, key: string): Promise<number[]> {
    const { database, row, text, chosen } = this.#shared
    const { offset, limit, activeOnly } = wish
    const own = condition ?? { sql: 'true', values: [] }
    const active = activeOnly ? { sql: `(${own.sql}) and (concept.flags & 1) = 0`, values: own.values } : own
    if (wish.text === undefined)
      return (await idsWhere(database, row.id, active, offset + limit)).slice(offset, offset + limit)
    const index = await text()
    const among =
      condition || activeOnly
        ? await chosen(`${key} ${activeOnly}`, () => idsWhere(database, row.id, active, CHOSEN_MAX))
        : undefined
    return index.find(wordsOf(wish.text), offset + limit, (id) => among?.has(id) ?? true).slice(offset, offset + limit)
  }
}

function comparison(found: Awaited<ReturnType<typeof lineages>>) {
  const above = new Map([...found].map(([code, { id, ancestors }]) => [code, { id, ancestors: new Set(ancestors) }]))
  return (a: string, b: string): Subsumption | undefined => {
    const one = above.get(a)
    const other = above.get(b)
    if (!one || !other) return undefined
    if (one.id === other.id) return 'equivalent'
    if (other.ancestors.has(one.id)) return 'subsumes'
    return one.ancestors.has(other.id) ? 'subsumed-by' : 'not-subsumed'
  }
}

function headOf(row: SystemRow): CodeSystemHead {
  return {
    url: row.url,
    version: row.version,
    name: row.name,
    title: row.title,
    content: 'complete',
    language: row.language,
    isCaseSensitive: row.isCaseSensitive,
    status: 'active',
    standardsStatus: undefined,
    isExperimental: false,
    isVersionNeeded: false,
    properties: row.properties,
    filters: [],
  }
}

/** FHIR's name for a value of each type. */
const VALUE_NAMES: Record<string, string | undefined> = {
  code: 'valueCode',
  integer: 'valueInteger',
  decimal: 'valueDecimal',
  boolean: 'valueBoolean',
  dateTime: 'valueDateTime',
}

function conceptOf(row: ConceptRow, system: SystemRow): Concept {
  const { language } = system
  const display = row.display ?? undefined
  return {
    code: row.code,
    display,
    definition: row.definition ?? undefined,
    designations: [
      ...(display === undefined ? [] : [{ language, use: undefined, value: display, isDisplay: true }]),
      ...row.names.map(designation),
    ],
    properties: Object.entries(row.properties).flatMap(([code, values]) => {
      const type = system.properties.find((one) => one.code === code)?.type
      return values.map((value) => property(code, type, value))
    }),
    extensions: [],
    isAbstract: (row.flags & 2) !== 0,
    isInactive: (row.flags & 1) !== 0,
    status: undefined,
    parents: row.up.map(([code]) => code),
    children: [],
  }
}

function property(code: string, type: string | undefined, value: string): ConceptProperty {
  const name = VALUE_NAMES[type ?? ''] ?? 'valueString'
  if (type === 'integer' || type === 'decimal') return { code, name, value: Number(value) }
  return { code, name, value: type === 'boolean' ? value === 'true' : value }
}

function designation([value, language, system, code, display]: ConceptRow['names'][number]): Designation {
  return {
    language: language ?? undefined,
    use: system === null || code === null ? undefined : { system, code, ...(display === null ? {} : { display }) },
    value,
    isDisplay: false,
  }
}

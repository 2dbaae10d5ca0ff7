import type { CodeSystemHead, CodeSystemProvider, Concept, Filter, Selection, Subsumption } from '../engine/concept.ts'
import {
  canonicalOfResource,
  extensionText,
  type Json,
  STANDARDS_STATUS,
  text,
  texts,
  truth,
} from '../engine/resources.ts'
import { ancestors, type ConceptTest, conceptTest } from './memory-filter.ts'
import { indexOf, isCaseSensitive, type MemoryConcept, type MemoryIndex } from './memory-system.ts'
import { supplemented } from './supplement.ts'
import { textFilter, textRank } from './text-filter.ts'

/** A CodeSystem resource as a code system, with supplements laid over it. */
export function memoryProvider(resource: Json, supplements: readonly Json[] = []): MemoryProvider {
  return new MemoryProvider(resource, supplements)
}

/** Characters of a filter, a list of codes among them, that are read in the time one concept takes. */
const FILTER_CHARS_PER_VISIT = 50

export class MemoryProvider implements CodeSystemProvider {
  readonly head: CodeSystemHead
  readonly supplements: readonly string[]
  readonly isLarge = false
  readonly index: MemoryIndex
  readonly #overlay: (concept: MemoryConcept) => Concept

  constructor(resource: Json, supplements: readonly Json[]) {
    this.index = indexOf(resource)
    this.head = headOf(resource, this.index)
    this.supplements = supplements.map(canonicalOfResource)
    this.#overlay = supplemented(supplements)
  }

  /** Without waiting: the validator asks in the middle of its work. */
  findNow(code: string): MemoryConcept | undefined {
    const exact = this.index.byCode.get(code)
    return exact ?? (this.head.isCaseSensitive ? undefined : this.index.byFolded.get(code.toLowerCase()))
  }

  /** All filters as one test; undefined when one is not understood. */
  testNow(filters: readonly Filter[], spend?: (visits: number) => void): ConceptTest | undefined {
    const tests: ConceptTest[] = []
    for (const filter of filters) {
      const test = conceptTest(this.index, filter, spend)
      if (!test) return undefined
      tests.push(test)
    }
    return (concept) => tests.every((test) => test(concept))
  }

  find(code: string): Promise<Concept | undefined> {
    const found = this.findNow(code)
    return Promise.resolve(found && this.#overlay(found))
  }

  select(filters: readonly Filter[], spend: (visits: number) => void): Promise<Selection | undefined> {
    for (const { value } of filters) spend(1 + Math.ceil(value.length / FILTER_CHARS_PER_VISIT))
    const test = this.testNow(filters, spend)
    // To run over all concepts is a tenth of the work of giving them out.
    const visits = Math.ceil((this.index.concepts.length * filters.length) / 10)
    return Promise.resolve(test && this.#selection(test, () => spend(visits)))
  }

  subsumes(a: string, b: string, spend?: (visits: number) => void): Promise<Subsumption | undefined> {
    const one = this.findNow(a)
    const other = this.findNow(b)
    if (!one || !other) return Promise.resolve(undefined)
    if (one === other) return Promise.resolve('equivalent')
    if (ancestors(this.index, other, spend).has(one.code)) return Promise.resolve('subsumes')
    return Promise.resolve(ancestors(this.index, one, spend).has(other.code) ? 'subsumed-by' : 'not-subsumed')
  }

  #selection(test: ConceptTest, spend: () => void): Selection {
    let all: MemoryConcept[] | undefined
    const chosen = (): MemoryConcept[] => {
      if (all) return all
      spend()
      all = this.index.concepts.filter(test)
      return all
    }
    return {
      find: (code) => {
        const found = this.findNow(code)
        return Promise.resolve(found && test(found) ? this.#overlay(found) : undefined)
      },
      count: () => Promise.resolve(chosen().length),
      page: ({ text: words, offset, limit, activeOnly }) => {
        const active = chosen().filter((concept) => !(activeOnly && concept.isInactive))
        const found = words === undefined ? active.map(this.#overlay) : ranked(active.map(this.#overlay), words)
        return Promise.resolve(found.slice(offset, offset + limit))
      },
    }
  }
}

/** Those that answer the filter, the best first; equal ones in the order of the system. */
function ranked(concepts: readonly Concept[], words: string): Concept[] {
  const filter = textFilter(words)
  return concepts
    .map((concept) => ({ concept, rank: conceptRank(filter, concept) }))
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank)
    .map(({ concept }) => concept)
}

export function conceptRank(filter: ReturnType<typeof textFilter>, concept: Concept): number {
  let best = textRank(filter, concept.code)
  for (const { value } of concept.designations) best = Math.max(best, textRank(filter, value))
  return best
}

function headOf(resource: Json, index: MemoryIndex): CodeSystemHead {
  return {
    url: text(resource, 'url') ?? '',
    version: text(resource, 'version'),
    name: text(resource, 'name'),
    title: text(resource, 'title'),
    content: text(resource, 'content') ?? 'complete',
    language: text(resource, 'language'),
    isCaseSensitive: isCaseSensitive(resource),
    status: text(resource, 'status'),
    standardsStatus: extensionText(resource, STANDARDS_STATUS),
    isExperimental: truth(resource, 'experimental') ?? false,
    isVersionNeeded: truth(resource, 'versionNeeded') ?? false,
    properties: index.properties,
    filters: texts(resource, 'filter'),
  }
}

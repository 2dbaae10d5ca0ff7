import type { CodeSystemHead, CodeSystemProvider, Concept, Filter, Selection } from '../engine/concept.ts'

/** A code system whose codes follow a grammar: each can be checked, all cannot be listed. */
export interface Grammar {
  url: string
  name: string
  isCaseSensitive: boolean
  /** The code as it should be written, with its name; undefined when it is none. */
  read(code: string): { code: string; display: string } | undefined
}

/** A grammar as a code system. Understands no filter but that for all. */
export class GrammarProvider implements CodeSystemProvider {
  readonly head: CodeSystemHead
  readonly supplements: readonly string[] = []
  readonly isLarge = true
  readonly #grammar: Grammar

  constructor(grammar: Grammar) {
    this.#grammar = grammar
    this.head = {
      url: grammar.url,
      version: undefined,
      name: grammar.name,
      title: undefined,
      content: 'complete',
      language: 'en',
      isCaseSensitive: grammar.isCaseSensitive,
      status: 'active',
      standardsStatus: undefined,
      isExperimental: false,
      isVersionNeeded: false,
      properties: [],
      filters: [],
    }
  }

  findNow(code: string): Concept | undefined {
    const found = this.#grammar.read(code)
    if (!found) return undefined
    const { display } = found
    return {
      code: found.code,
      display,
      definition: undefined,
      designations: [{ language: 'en', use: undefined, value: display, isDisplay: true }],
      properties: [],
      extensions: [],
      isAbstract: false,
      isInactive: false,
      status: undefined,
      parents: [],
      children: [],
    }
  }

  find(code: string): Promise<Concept | undefined> {
    return Promise.resolve(this.findNow(code))
  }

  select(filters: readonly Filter[]): Promise<Selection | undefined> {
    if (filters.length > 0) return Promise.resolve(undefined)
    return Promise.resolve({
      find: (code) => this.find(code),
      count: (atMost) => Promise.resolve(atMost),
      page: () => Promise.resolve(undefined),
    })
  }

  subsumes(a: string, b: string): Promise<'equivalent' | 'not-subsumed' | undefined> {
    if (!this.findNow(a) || !this.findNow(b)) return Promise.resolve(undefined)
    return Promise.resolve(a === b ? 'equivalent' : 'not-subsumed')
  }
}

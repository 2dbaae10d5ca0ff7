import { type Fault, raise } from '#kernel'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { TokenKind, Tokens } from './tokens.ts'

/** Distinct tokens of one resource. A value is keyed once, however many parameters name it. */
export class TokenSet {
  readonly #tokens: Tokens
  readonly #seen = new Set<string>()
  readonly #keyed: Buffer[] = []

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  add(leaf: string, kind: TokenKind, value: string): void {
    const name = `${leaf}\0${kind}\0${value}`
    if (this.#seen.has(name)) return
    // Words are few, and what is full without them stays storable.
    if (this.#seen.size >= SEARCH_LIMITS.indexEntriesMax && kind !== 'word') raise(TOO_MANY_VALUES)
    this.#seen.add(name)
    this.#keyed.push(this.#tokens.token(leaf, kind, value))
  }

  /** A canonical with a version (`url|1.0`) is found with and without it. */
  addUrl(leaf: string, kind: 'uri' | 'url', url: string): void {
    this.add(leaf, kind, url)
    const version = url.indexOf('|')
    if (version > 0) this.add(leaf, kind, url.slice(0, version))
  }

  bytes(): Buffer {
    return Buffer.concat(this.#keyed)
  }
}

export const TOO_MANY_VALUES: Fault = {
  category: 'too-large',
  code: 'fhir.search.values-to-index-too-many',
  message: `A resource has at most ${SEARCH_LIMITS.indexEntriesMax} values to search by, each beginning of a name counted. Split it.`,
}

import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Connection } from '#db'
import { type Fault, raise } from '#kernel'
import type { Caller, Resource } from './write-request.ts'

/** The searches that conditional requests and references rest on. */
export interface ConditionSearch {
  /** At most `limit` current resources of `type` that match; on `connection` when the answer must see behind locks. */
  find(caller: Caller, type: string, query: string, limit: number, connection?: Connection): Promise<{ rid: number }[]>
  /** The condition for resources that are not stored yet, parsed once. */
  inMemory(type: string, query: string): MemoryCondition
  /** What `MemoryCondition.identifier` is compared with. */
  identifiersOf(resource: Resource): string[]
}

export interface MemoryCondition {
  /** Set when the condition is one `identifier=system|value` and nothing else: it matches what has this among its identifiers. */
  identifier?: string
  /** Whether a resource that is not stored yet would match. */
  matches(resource: Resource): boolean
}

/** A search that decides what a write does, and what it found. */
export interface Condition {
  type: string
  query: string
  /** rid of the one match, 0 for none. */
  matched: number
}

/**
 * One text for one condition, however it was escaped or ordered: requests that ask the same thing must meet at the same
 * lock. What only says how to answer is left out. A leading `Type?`, which `If-None-Exist` may have, too.
 */
export function canonicalQuery(query: string): string {
  const parameters = new URLSearchParams(query.replace(/^[^?=&]*\?/, ''))
  parameters.delete('_format')
  parameters.delete('_pretty')
  parameters.sort()
  return parameters.toString()
}

/** Distinct conditions of one transaction: all are asked again while nothing else can be stored, in about a second. */
const CONDITIONS_MAX = 5_000
/** Conditions asked in one turn of the event loop: about 10 ms of compiling searches. */
const CONDITIONS_PER_TURN = 100

/** Conditions of one attempt, each asked once however many entries name it. */
export class Conditions {
  readonly #asked = new Map<string, Promise<Condition>>()
  #turn: Promise<void> = Promise.resolve()
  readonly #search: ConditionSearch
  readonly #caller: Caller

  constructor(search: ConditionSearch, caller: Caller) {
    this.#search = search
    this.#caller = caller
  }

  /**
   * Faults: `fhir.condition.multiple` (412) when more than one resource matches, `fhir.condition.empty` when the query names
   * nothing, `fhir.condition.too-many` beyond 5,000 distinct ones.
   */
  async match(type: string, query: string): Promise<Condition> {
    const key = `${type}?${query}`
    let asked = this.#asked.get(key)
    if (!asked) {
      if (this.#asked.size >= CONDITIONS_MAX) raise(TOO_MANY)
      asked = this.#ask(type, query)
      this.#asked.set(key, asked)
    }
    return asked
  }

  async #ask(type: string, query: string): Promise<Condition> {
    if (query === '')
      raise({
        category: 'invalid',
        code: 'fhir.condition.empty',
        message: 'A conditional request needs search parameters that identify one resource.',
      })
    if (this.#asked.size % CONDITIONS_PER_TURN === CONDITIONS_PER_TURN - 1) this.#turn = this.#turn.then(setImmediate)
    await this.#turn
    const matches = await this.#search.find(this.#caller, type, query, 2)
    if (matches.length > 1)
      raise({
        category: 'precondition',
        code: 'fhir.condition.multiple',
        message: `More than one ${type} matches the condition. Name a criterion that only one resource meets.`,
      })
    return { type, query, matched: matches[0]?.rid ?? 0 }
  }

  /** Advisory lock keys, so that two processes never decide on the same condition at once. */
  locks(): bigint[] {
    return [...this.#asked.keys()].map((key) =>
      createHash('sha256').update(`${this.#caller.tenant}\0${key}`).digest().readBigInt64BE(),
    )
  }

  /** Asks everything again on `connection` (behind the locks) until `late`; true when each answer is the same. */
  async stillHold(connection: Connection, late?: AbortSignal): Promise<boolean> {
    const before = await Promise.all(this.#asked.values())
    for (let first = 0; first < before.length; first += CONDITIONS_PER_TURN) {
      late?.throwIfAborted()
      const holds = await Promise.all(
        before.slice(first, first + CONDITIONS_PER_TURN).map(async ({ type, query, matched }) => {
          const now = await this.#search.find(this.#caller, type, query, 2, connection)
          return now.length <= 1 && (now[0]?.rid ?? 0) === matched
        }),
      )
      if (holds.includes(false)) return false
    }
    return true
  }

  get any(): boolean {
    return this.#asked.size > 0
  }
}

const TOO_MANY: Fault = {
  category: 'too-large',
  code: 'fhir.condition.too-many',
  message: `A transaction has at most ${CONDITIONS_MAX} different conditions, those in references counted. Split it.`,
}

import type { Definition, DefinitionSource } from '@salus/fhir-validator'
import { newestFirst } from '#definitions'
import { VALIDATE_LIMITS } from './validate-limits.ts'

/** Kinds that a profile check takes from the tenant's record. Its value sets and code systems are asked by the terminology. */
export const OWN_TYPES = ['StructureDefinition', 'Questionnaire'] as const
type OwnType = (typeof OWN_TYPES)[number]

/** Stored definitions of these URLs as JSON text, whatever their versions. */
export type FetchStored = (type: OwnType, urls: readonly string[]) => Promise<Buffer[]>

/**
 * The definitions of all, and behind them those that one tenant has stored. What is asked for and not there is noted, so that it
 * can be fetched and the check begun again: a validator cannot wait in the middle of its work.
 */
export class TenantDefinitions implements DefinitionSource {
  readonly #shared: DefinitionSource
  readonly #fetch: FetchStored
  /** By type and URL, the newest version first; an empty list where the tenant has none. */
  readonly #own = new Map<string, Definition[]>()
  #missed = new Map<string, [OwnType, string]>()
  #count = 0
  #chars = 0

  constructor(shared: DefinitionSource, fetch: FetchStored) {
    this.#shared = shared
    this.#fetch = fetch
  }

  get hasMissed(): boolean {
    return this.#missed.size > 0
  }

  find(type: string, canonical: string): Definition | undefined {
    const shared = this.#shared.find(type, canonical)
    if (shared !== undefined || !isOwnType(type)) return shared
    const [url = '', version] = canonical.split('|')
    const key = `${type} ${url}`
    const known = this.#own.get(key)
    if (known === undefined) this.#missed.set(key, [type, url])
    return known?.find((one) => version === undefined || one.version === version)
  }

  /** Fetch what was missed, and what that is built on. True when something was found: what was compiled is then out of date. */
  async fetchMissed(): Promise<boolean> {
    let isNew = false
    for (let round = 0; this.#missed.size > 0 && round < VALIDATE_LIMITS.roundsMax; round++) {
      const missed = [...this.#missed].filter(([key]) => !this.#own.has(key))
      this.#missed = new Map()
      for (const type of OWN_TYPES) {
        const urls = missed.filter(([, [of]]) => of === type).map(([, [, url]]) => url)
        for (let from = 0; from < urls.length; from += VALIDATE_LIMITS.wantedPerQuery)
          if (await this.#take(type, urls.slice(from, from + VALIDATE_LIMITS.wantedPerQuery))) isNew = true
      }
    }
    return isNew
  }

  async #take(type: OwnType, urls: readonly string[]): Promise<boolean> {
    const bodies = await this.#fetch(type, urls)
    // Only now: until then they are not known to be absent.
    for (const url of urls) this.#own.set(`${type} ${url}`, [])
    let isNew = false
    for (const body of bodies) {
      if (this.#count >= VALIDATE_LIMITS.definitionsMax) return isNew
      if (this.#chars + body.length > VALIDATE_LIMITS.definitionsCharsMax) continue
      const definition = JSON.parse(body.toString()) as Definition
      const list = this.#own.get(`${type} ${definition.url ?? ''}`)
      if (!list) continue
      this.#count++
      this.#chars += body.length
      list.push(definition)
      list.sort((a, b) => newestFirst(a.version ?? '', b.version ?? ''))
      for (const canonical of leansOn(definition)) this.find('StructureDefinition', canonical)
      isNew = true
    }
    return isNew
  }
}

function isOwnType(type: string): type is OwnType {
  return (OWN_TYPES as readonly string[]).includes(type)
}

/** Profiles that a profile names: fetched with it, so that a check need not begin again for each. */
function leansOn({ baseDefinition, differential, snapshot }: Definition): Set<string> {
  const found = new Set<string>()
  const add = (canonical: unknown): void => {
    if (typeof canonical === 'string' && canonical.includes(':')) found.add(canonical)
  }
  add(baseDefinition)
  for (const view of [differential, snapshot] as ({ element?: unknown } | undefined)[])
    for (const element of listOf(view?.element))
      for (const type of listOf(element.type))
        for (const canonicals of [type.profile, type.targetProfile])
          if (Array.isArray(canonicals)) canonicals.forEach(add)
  return found
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((one): one is Record<string, unknown> => isObject(one)) : []
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { conceptRank } from '../systems/memory-provider.ts'
import { type TextFilter, textFilter } from '../systems/text-filter.ts'
import { type CanonicalStatus, statusOfResource, statusOfSystem, statusWord } from './canonical-status.ts'
import { filterFault } from './check-concept-set.ts'
import type { CodeSystemProvider, Concept, Selection } from './concept.ts'
import type { Inquiry } from './inquiry.ts'
import { TerminologyError } from './issues.ts'
import * as messages from './messages.ts'
import type { ConceptSet, PreparedValueSet } from './prepare.ts'
import { canonicalOf, type Json } from './resources.ts'
import { compareVersions } from './versions.ts'
import { tooCostly } from './work.ts'

/** One concept of an expansion under way. */
export interface Entry {
  provider: CodeSystemProvider
  version: string | undefined
  concept: Concept
  /** How the value set lists it, where it does. */
  listed: Json | undefined
  /** It came from a list or another value set: it keeps its place and has no concepts below. */
  isListed: boolean
  rank: number
}

/** Collects the concepts of a value set and notes what took part. */
export class Collector {
  readonly usedSystems = new Set<string>()
  readonly usedValueSets = new Set<string>()
  readonly usedSupplements = new Set<string>()
  readonly fragments = new Map<string, string>()
  readonly warnings = new Map<string, Set<string>>()
  /** Codes of one version were excluded by another. */
  matchedVersions = false
  /** Not all concepts of a large system were looked at. */
  isCut = false
  readonly #inquiry: Inquiry
  readonly #filter: TextFilter | undefined
  readonly #words: string | undefined
  readonly #spend = (visits: number): void => this.#inquiry.spend(visits)
  readonly #nested = new Map<PreparedValueSet, Promise<Map<string, Entry>>>()

  constructor(inquiry: Inquiry) {
    this.#inquiry = inquiry
    const { filter } = inquiry.settings
    const words = filter === undefined ? undefined : textFilter(filter)
    this.#filter = words && words.words.length > 0 ? words : undefined
    this.#words = this.#filter ? filter : undefined
  }

  /** Entries by key, in order; with a text filter only those that answer it. */
  async valueSet(valueSet: PreparedValueSet, isOutermost: boolean): Promise<Map<string, Entry>> {
    if (!isOutermost && !valueSet.isContained) this.usedValueSets.add(valueSet.canonical)
    this.#warn(statusOfResource(valueSet.resource), undefined)
    const entries = new Map<string, Entry>()
    const excluded = await this.#exclusions(valueSet)
    for (const set of valueSet.includes ?? [])
      for (const entry of await this.#include(valueSet, set, isOutermost)) {
        if (this.#isUnwanted(valueSet, entry)) continue
        let isOut = false
        for (const test of excluded) if (!isOut) isOut = await test(entry)
        if (!isOut) this.#merge(entries, entry)
      }
    return entries
  }

  #merge(entries: Map<string, Entry>, entry: Entry): void {
    const key = this.#keyOf(entry)
    const known = entries.get(key)
    if (!known) entries.set(key, entry)
    else if (compareVersions(known.version, entry.version) < 0) known.version = entry.version
    if (entries.size > TERMINOLOGY_LIMITS.memoryConceptsMax) throw tooMany()
  }

  #keyOf({ provider, version, concept }: Entry): string {
    const { url } = provider.head
    return this.#inquiry.settings.is('versionsMatch')
      ? `${url}#${concept.code}`
      : `${url}|${version ?? ''}#${concept.code}`
  }

  #isUnwanted(valueSet: PreparedValueSet, { concept }: Entry): boolean {
    const { settings } = this.#inquiry
    if (concept.isInactive && (valueSet.excludesInactive || settings.is('activeOnly'))) return true
    return concept.isAbstract && settings.is('excludeNotForUI')
  }

  async #include(valueSet: PreparedValueSet, set: ConceptSet, isOutermost: boolean): Promise<Entry[]> {
    const others = await Promise.all(set.valueSets.map((one) => this.#nestedOf(one)))
    if (set.system === undefined) {
      const [first, ...rest] = others
      // What comes from other value sets is no part of a hierarchy here.
      return [...(first?.values() ?? [])]
        .filter((entry) => rest.every((keys) => keys.has(this.#keyOf(entry))))
        .map((entry) => ({ ...entry, isListed: true }))
    }
    const provider = await this.#provider(valueSet, set)
    const entries =
      set.concepts.length > 0
        ? await this.#listed(set, provider)
        : await this.#selected(set, provider, isOutermost && others.length === 0)
    return entries.filter((entry) => others.every((keys) => keys.has(this.#keyOf(entry))))
  }

  #nestedOf(valueSet: PreparedValueSet): Promise<Map<string, Entry>> {
    const known = this.#nested.get(valueSet)
    if (known) return known
    const found = this.valueSet(valueSet, false)
    this.#nested.set(valueSet, found)
    return found
  }

  async #provider(valueSet: PreparedValueSet, set: ConceptSet): Promise<CodeSystemProvider> {
    const system = set.system as string
    const provider = await this.#inquiry.system(system, set.version)
    if (!provider) throw await this.#unknownSystem(system, set.version)
    const { head } = provider
    const required = this.#inquiry.refusedBy(head.url, head.version)
    if (required !== undefined) throw refusedVersion(head.url, head.version ?? '', required)
    const canonical = canonicalOf(head.url, head.version)
    this.usedSystems.add(canonical)
    if (head.content === 'fragment') this.fragments.set(canonical, head.url)
    for (const supplement of provider.supplements) this.usedSupplements.add(supplement)
    this.#warn(statusOfSystem(head), statusOfResource(valueSet.resource))
    return provider
  }

  async #unknownSystem(system: string, stated: string | undefined): Promise<TerminologyError> {
    const version = this.#inquiry.systemVersion(system, stated)
    const purpose = 'value set cannot be expanded'
    const versions = version === undefined ? [] : await this.#inquiry.library.versions(system)
    return new TerminologyError({
      severity: 'error',
      code: 'not-found',
      type: 'not-found',
      id: version === undefined ? 'UNKNOWN_CODESYSTEM_EXP' : 'UNKNOWN_CODESYSTEM_VERSION_EXP',
      text:
        version === undefined
          ? messages.unknownSystem(system, purpose)
          : messages.unknownVersion({ system, version, versions }, purpose),
    })
  }

  async #listed(set: ConceptSet, provider: CodeSystemProvider): Promise<Entry[]> {
    this.#inquiry.spend(set.concepts.length)
    const codes = set.concepts.map((one) => (typeof one.code === 'string' ? one.code : ''))
    const found = await Promise.all(codes.map((code) => provider.find(code)))
    const entries: Entry[] = []
    for (const [index, listed] of set.concepts.entries()) {
      const concept = found[index]
      // A code that the system no longer has cannot be chosen.
      if (concept) entries.push(...this.#entry(provider, concept, listed))
    }
    return entries
  }

  async #selected(set: ConceptSet, provider: CodeSystemProvider, mayPage: boolean): Promise<Entry[]> {
    const selection = await provider.select(set.filters, this.#spend)
    if (!selection) throw filterFault(set, provider)
    const concepts = provider.isLarge
      ? await this.#fromLarge(selection, mayPage)
      : await selection.page({ offset: 0, limit: TERMINOLOGY_LIMITS.memoryConceptsMax, activeOnly: false })
    if (!concepts) throw tooCostly(`The codes of ${provider.head.url} follow a grammar and cannot be listed.`)
    this.#inquiry.spend(concepts.length)
    // A large system has ranked its own; reading all names again would take longer than finding them.
    if (provider.isLarge && this.#filter)
      return concepts.map((concept, index) => this.#entryOf(provider, concept, 3 - index / concepts.length))
    return concepts.flatMap((concept) => this.#entry(provider, concept, undefined))
  }

  /** As many as the page needs, the best first; without a page all, when they are not too many. */
  async #fromLarge(selection: Selection, mayPage: boolean): Promise<readonly Concept[] | undefined> {
    const { settings } = this.#inquiry
    const most = TERMINOLOGY_LIMITS.expansionCodesMax
    const wanted = mayPage && settings.count !== undefined ? (settings.offset ?? 0) + settings.count + 1 : most + 1
    const limit = Math.min(wanted, most + 1)
    const concepts = await selection.page({
      ...(this.#words === undefined ? {} : { text: this.#words }),
      offset: 0,
      limit,
      activeOnly: settings.is('activeOnly'),
    })
    if (concepts?.length === limit) {
      if (limit > most) throw tooMany()
      this.isCut = true
    }
    return concepts
  }

  #entry(provider: CodeSystemProvider, concept: Concept, listed: Json | undefined): Entry[] {
    const rank = this.#filter ? this.#rank(concept, listed, this.#filter) : 1
    if (rank === 0) return []
    const { version } = provider.head
    return [{ provider, version, concept, listed, isListed: listed !== undefined, rank }]
  }

  #entryOf(provider: CodeSystemProvider, concept: Concept, rank: number): Entry {
    return { provider, version: provider.head.version, concept, listed: undefined, isListed: false, rank }
  }

  #rank(concept: Concept, listed: Json | undefined, filter: TextFilter): number {
    const display = listed?.display
    const own = conceptRank(filter, concept)
    if (typeof display !== 'string') return own
    const shown = [{ language: undefined, use: undefined, value: display, isDisplay: true }]
    return Math.max(own, conceptRank(filter, { ...concept, designations: shown }))
  }

  async #exclusions(valueSet: PreparedValueSet): Promise<((entry: Entry) => Promise<boolean>)[]> {
    const tests: ((entry: Entry) => Promise<boolean>)[] = []
    for (const set of valueSet.excludes) {
      const others = await Promise.all(set.valueSets.map((one) => this.#nestedOf(one)))
      const provider = set.system === undefined ? undefined : await this.#provider(valueSet, set)
      const codes = new Set(set.concepts.map((one) => one.code))
      const selection = codes.size > 0 ? undefined : await provider?.select(set.filters, this.#spend)
      if (provider && codes.size === 0 && !selection) throw filterFault(set, provider)
      tests.push(async (entry) => {
        if (provider && !this.#isOf(valueSet, entry, provider, set)) return false
        if (codes.size > 0 && !codes.has(entry.concept.code)) return false
        if (selection && !(await selection.find(entry.concept.code))) return false
        return others.every((keys) => keys.has(this.#keyOf(entry)))
      })
    }
    return tests
  }

  #isOf(valueSet: PreparedValueSet, entry: Entry, provider: CodeSystemProvider, set: ConceptSet): boolean {
    if (entry.provider.head.url !== provider.head.url) return false
    if (set.version === undefined || this.#inquiry.settings.is('versionsMatch')) return true
    if (entry.provider.head.version === provider.head.version) return true
    const isIncludedToo = (valueSet.includes ?? []).some(
      ({ system, version }) => system === set.system && version === set.version,
    )
    if (isIncludedToo || this.#inquiry.settings.flags.has('versionsMatch')) return false
    // Nothing of the excluded version is there to be excluded: its codes are meant.
    this.matchedVersions = true
    return true
  }

  #warn(status: CanonicalStatus, source: CanonicalStatus | undefined): void {
    const word = statusWord(status, source)
    if (word === undefined) return
    const known = this.warnings.get(word) ?? new Set()
    this.warnings.set(word, known.add(status.canonical))
  }
}

function refusedVersion(system: string, version: string, required: string): TerminologyError {
  return new TerminologyError(
    {
      severity: 'error',
      code: 'exception',
      type: 'version-error',
      id: 'VALUESET_VERSION_CHECK',
      text: messages.versionNotAllowed(system, version, required),
    },
    400,
  )
}

export function tooMany(): TerminologyError {
  return tooCostly(
    `The value set has more than ${TERMINOLOGY_LIMITS.expansionCodesMax} codes. Ask for it in pages with count and offset, or with a filter.`,
  )
}

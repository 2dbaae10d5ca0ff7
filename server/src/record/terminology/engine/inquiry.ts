import type { CodeSystemProvider } from './concept.ts'
import { TerminologyError } from './issues.ts'
import type { Library } from './library.ts'
import * as messages from './messages.ts'
import { canonicalParts, type Json, objects, valueOf } from './resources.ts'
import { ruledVersion, type Settings, type VersionRule } from './settings.ts'
import { versionMatches } from './versions.ts'
import { Work } from './work.ts'

/** One request on its way: what it can see, how it wants to be answered, and how much work it may still cause. */
export class Inquiry {
  readonly library: Library
  readonly settings: Settings
  /** Supplements that were asked for, by canonical. */
  readonly supplements = new Map<string, Json>()
  readonly #applied = new Set<VersionRule>()
  readonly #systems = new Map<string, Promise<CodeSystemProvider | undefined>>()

  /** What may still be done; questions that came in one request share it. */
  readonly work: Work

  constructor(library: Library, settings: Settings, work = new Work()) {
    this.library = library
    this.settings = settings
    this.work = work
  }

  /** Fault `too-costly` when the request has caused more work than one may. */
  spend(visits: number): void {
    this.work.spend(visits)
  }

  /** The code system after the version rules; supplements asked for lie over it. */
  system(url: string, stated: string | undefined): Promise<CodeSystemProvider | undefined> {
    return this.exactSystem(url, this.systemVersion(url, stated))
  }

  /** The same without the rules. */
  exactSystem(url: string, version: string | undefined): Promise<CodeSystemProvider | undefined> {
    const key = `${url}|${version ?? ''}`
    const known = this.#systems.get(key)
    if (known) return known
    this.spend(1)
    const found = this.library.codeSystem(url, version, [...this.supplements.values()], this.work)
    this.#systems.set(key, found)
    return found
  }

  systemVersion(url: string, stated: string | undefined): string | undefined {
    const version = ruledVersion(this.settings.rules, url, stated)
    if (version !== stated) this.#apply(this.settings.rules, url, version)
    return version
  }

  /** Rules that changed a version: an expansion names them. */
  get appliedRules(): Iterable<VersionRule> {
    return this.#applied
  }

  #apply(rules: readonly VersionRule[], url: string, version: string | undefined): void {
    const rule = rules.find((one) => one.url === url && one.version === version)
    if (rule) this.#applied.add(rule)
  }

  /** Version that a rule `check-system-version` asks for and `version` is not. */
  refusedBy(url: string, version: string | undefined): string | undefined {
    return this.settings.rules.find(
      (rule) => rule.mode === 'check' && rule.url === url && !versionMatches(rule.version, version),
    )?.version
  }

  /** `canonical` with the version that the rules for value sets give it. */
  pinned(canonical: string): string {
    const { url, version } = canonicalParts(canonical)
    const ruled = ruledVersion(this.settings.valueSetRules, url, version)
    if (ruled !== version) this.#apply(this.settings.valueSetRules, url, ruled)
    return ruled === undefined ? canonical : messages.canonical(url, ruled)
  }

  /** Read what a value set asks for, supplements among it. Fault when one of these is not there. */
  async open(valueSet: Json | undefined): Promise<void> {
    if (valueSet) {
      this.settings.takeFromValueSet(valueSet)
      for (const extension of objects(valueSet, 'extension'))
        if (extension.url === SUPPLEMENT) {
          const canonical = valueOf(extension)?.[1]
          if (typeof canonical === 'string') this.settings.take('useSupplement', canonical, false)
        }
    }
    const missing: string[] = []
    for (const canonical of this.settings.supplements) {
      const found = this.supplements.get(canonical) ?? (await this.library.supplement(canonical))
      if (found) this.supplements.set(canonical, found)
      else missing.push(canonical)
    }
    if (missing.length > 0)
      throw new TerminologyError({
        severity: 'error',
        code: 'not-found',
        type: 'not-found',
        id: 'VALUESET_SUPPLEMENT_MISSING',
        text: messages.supplementsMissing(missing),
      })
  }
}

const SUPPLEMENT = 'http://hl7.org/fhir/StructureDefinition/valueset-supplement'

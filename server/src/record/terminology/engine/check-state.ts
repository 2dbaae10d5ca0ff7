import type { CodeSystemProvider, Concept } from './concept.ts'
import { Displays } from './displays.ts'
import { IssueList } from './issues.ts'
import type { PreparedValueSet } from './prepare.ts'

/** A code as it was handed in. */
export interface CodingIn {
  system: string | undefined
  version: string | undefined
  code: string | undefined
  display: string | undefined
}

/** What checking one request finds out, over all its codings. */
export class CheckState {
  readonly issues = new IssueList()
  readonly messages: string[] = []
  /** Canonicals of systems that are not there. */
  readonly unknownSystems = new Set<string>()
  inactive: { path: string; code: string } | undefined
  status: string | undefined
  normalForm: string | undefined
  impliedSystem: string | undefined

  tell(message: string): void {
    if (!this.messages.includes(message)) this.messages.push(message)
  }
}

/** What is known of the coding under way. */
export class CodingState {
  readonly displays = new Displays()
  /** Value sets already asked: one that is drawn in many times is worked on once. */
  readonly known = new Map<PreparedValueSet, Promise<boolean | undefined>>()
  #unreported: { state: CheckState; coding: CodingState } | undefined
  version: string | undefined
  /** Language of the code system. */
  baseLanguage: string | undefined

  /** Where what is found out about exclusions goes: it is not reported, but not worked out twice either. */
  get unreported(): { state: CheckState; coding: CodingState } {
    if (this.#unreported) return this.#unreported
    const coding = new CodingState()
    this.#unreported = { state: new CheckState(), coding }
    coding.#unreported = this.#unreported
    return this.#unreported
  }

  /** The code was found: its names count, whether or not it is in the value set. */
  see(provider: CodeSystemProvider, concept: Concept): void {
    this.displays.all.length = 0
    this.displays.add(concept.designations)
    this.baseLanguage = provider.head.language
  }
}

export interface Check {
  state: CheckState
  coding: CodingState
  valueSet: PreparedValueSet
  /** `Coding`, `CodeableConcept.coding[1]`, or empty for a bare code. */
  path: string
}

export function at(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

// A terminology of the code systems that come with Salus, for measuring the validator: it answers at once, from memory,
// and knows only what value sets list or complete code systems hold.

import type { CodeCheck, CodeVerdict, CodingVerdict, TerminologyForValidation } from '@salus/fhir-validator'
import { type DefinitionSource, isJson, type Json, objectsOf } from '../../libs/fhir-validator/src/definition-source.ts'

interface Concept {
  displays: string[]
  parents: string[]
}

type Answer = boolean | 'system-unknown' | 'value-set-unknown'

/** Value sets within each other. */
const DEPTH_MAX = 20

export function terminologyOf(source: DefinitionSource): TerminologyForValidation {
  return new Terminology(source)
}

class Terminology implements TerminologyForValidation {
  readonly #source: DefinitionSource
  readonly #systems = new Map<string, ReadonlyMap<string, Concept> | undefined>()

  constructor(source: DefinitionSource) {
    this.#source = source
  }

  checkNow({ valueSet, codings, systemImplied }: CodeCheck): CodeVerdict {
    const found = codings.map(({ system = '', code }) =>
      code === undefined ? false : this.#isIn(valueSet, systemImplied ? undefined : system, code, 0),
    )
    const verdict = { codings: systemImplied ? [] : codings.map((coding) => this.#codingVerdict(coding)) }
    if (found.includes(true)) return { ...verdict, inValueSet: true }
    const reason = found.find((answer) => typeof answer === 'string')
    return reason === undefined ? { ...verdict, inValueSet: false } : { ...verdict, inValueSet: 'unknown', reason }
  }

  #codingVerdict({ system, code, display }: CodeCheck['codings'][number]): CodingVerdict {
    if (system === undefined || code === undefined) return {}
    const concepts = this.#system(system)
    if (concepts === undefined)
      return OUTSIDE.test(system) || this.#source.find('CodeSystem', system) !== undefined
        ? {}
        : { problem: 'unknown-system' }
    const concept = concepts.get(code)
    if (concept === undefined) return { problem: 'unknown-code' }
    const [first] = concept.displays
    if (display === undefined || first === undefined) return {}
    const same = (one: string): boolean => one.toLowerCase() === display.trim().toLowerCase()
    return concept.displays.some(same) ? {} : { problem: 'wrong-display', display: first }
  }

  #system(url: string): ReadonlyMap<string, Concept> | undefined {
    if (this.#systems.has(url)) return this.#systems.get(url)
    const system = this.#source.find('CodeSystem', url)
    let concepts: Map<string, Concept> | undefined
    if (system?.content === 'complete') addConcepts(system.concept, [], (concepts = new Map()))
    this.#systems.set(url, concepts)
    return concepts
  }

  /** `system` is undefined where any will do. */
  #isIn(url: string, system: string | undefined, code: string, depth: number): Answer {
    const valueSet = depth > DEPTH_MAX ? undefined : this.#source.find('ValueSet', url)
    if (valueSet === undefined) return 'value-set-unknown'
    const { compose } = valueSet
    if (!isJson(compose)) return 'system-unknown'
    const answers = (part: unknown): Answer[] =>
      objectsOf(part).map((one) => this.#isIncluded(one, system, code, depth))
    if (answers(compose.exclude).includes(true)) return false
    const included = answers(compose.include)
    return included.includes(true) || (included.find((one) => typeof one === 'string') ?? false)
  }

  #isIncluded(include: Json, system: string | undefined, code: string, depth: number): Answer {
    const imports = (Array.isArray(include.valueSet) ? include.valueSet : []) as string[]
    const imported = imports.map((url) => this.#isIn(url, system, code, depth + 1))
    if (imported.includes(false)) return false
    const unsure = imported.find((one) => one !== true) ?? true
    if (typeof include.system !== 'string') return unsure
    if (system !== undefined && system !== include.system) return false
    if (Array.isArray(include.concept)) return objectsOf(include.concept).some((one) => one.code === code) && unsure
    const concepts = this.#system(include.system)
    if (concepts === undefined) return 'system-unknown'
    if (!concepts.has(code)) return false
    for (const { op, value } of objectsOf(include.filter)) {
      if (op !== 'is-a' && op !== 'descendent-of') return 'system-unknown'
      if (!isBelow(concepts, code, String(value)) || (op === 'descendent-of' && code === value)) return false
    }
    return unsure
  }
}

/** Systems whose content does not come with the definitions: nothing is said of their codes. */
const OUTSIDE =
  /^(?:http:\/\/(?:snomed\.info|loinc\.org|unitsofmeasure\.org|www\.nlm\.nih\.gov)|urn:ietf:|urn:iso:|http:\/\/hl7\.org\/fhir\/sid\/)/

function addConcepts(list: unknown, parents: string[], into: Map<string, Concept>): void {
  for (const concept of objectsOf(list)) {
    const displays = [concept.display, ...objectsOf(concept.designation).map(({ value }) => value)]
    const further = objectsOf(concept.property).filter(({ code }) => code === 'subsumedBy')
    into.set(String(concept.code), {
      displays: displays.filter((one) => typeof one === 'string'),
      parents: [...parents, ...further.map(({ valueCode }) => String(valueCode))],
    })
    addConcepts(concept.concept, [String(concept.code)], into)
  }
}

function isBelow(concepts: ReadonlyMap<string, Concept>, code: string, ancestor: string): boolean {
  const seen = new Set([code])
  // A set may grow while it is walked, so this visits each ancestor once.
  for (const one of seen) for (const parent of concepts.get(one)?.parents ?? []) seen.add(parent)
  return seen.has(ancestor)
}

import { TERMINOLOGY_LIMITS } from '../limits.ts'
import type { Filter } from './concept.ts'
import type { Inquiry } from './inquiry.ts'
import { TerminologyError } from './issues.ts'
import * as messages from './messages.ts'
import { canonicalOfResource, canonicalParts, type Json, object, objects, text, texts, truth } from './resources.ts'
import { tooCostly } from './work.ts'

/** A value set with all that it draws in. */
export interface PreparedValueSet {
  resource: Json
  /** How messages name it. */
  canonical: string
  /** Undefined when it is defined by an expansion alone. */
  includes: readonly ConceptSet[] | undefined
  /** It is contained in the value set that draws it in. */
  isContained: boolean
  excludes: readonly ConceptSet[]
  /** `compose.inactive` is false: inactive concepts are none of it. */
  excludesInactive: boolean
}

/** One include or exclude: http://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include */
export interface ConceptSet {
  raw: Json
  /** `include[0]` */
  place: string
  system: string | undefined
  version: string | undefined
  concepts: readonly Json[]
  filters: readonly Filter[]
  valueSets: readonly PreparedValueSet[]
}

/** Follow the imports of a value set. Faults: an import that is not there, a circle, too many. */
export async function prepareValueSet(inquiry: Inquiry, resource: Json): Promise<PreparedValueSet> {
  return new Preparation(inquiry).valueSet(resource, [])
}

class Preparation {
  readonly #inquiry: Inquiry
  readonly #known = new Map<string, PreparedValueSet>()
  #count = 0

  constructor(inquiry: Inquiry) {
    this.#inquiry = inquiry
  }

  async valueSet(resource: Json, chain: readonly string[], isContained = false): Promise<PreparedValueSet> {
    const canonical = canonicalOfResource(resource)
    if (canonical !== '' && chain.includes(canonical)) throw circle(canonical, chain)
    const known = canonical === '' ? undefined : this.#known.get(canonical)
    if (known) return known
    if (++this.#count > TERMINOLOGY_LIMITS.valueSetsMax || chain.length > TERMINOLOGY_LIMITS.includeDepthMax)
      throw tooCostly(
        `A value set draws in at most ${TERMINOLOGY_LIMITS.valueSetsMax} others, ${TERMINOLOGY_LIMITS.includeDepthMax} deep.`,
      )
    await this.#inquiry.open(resource)
    const compose = object(resource, 'compose')
    const within = [...chain, canonical]
    const prepared: PreparedValueSet = {
      resource,
      canonical,
      isContained,
      includes: compose ? await this.#sets(resource, compose, 'include', within) : undefined,
      excludes: compose ? await this.#sets(resource, compose, 'exclude', within) : [],
      excludesInactive: truth(compose, 'inactive') === false,
    }
    if (canonical !== '') this.#known.set(canonical, prepared)
    return prepared
  }

  async #sets(resource: Json, compose: Json, name: 'include' | 'exclude', chain: readonly string[]) {
    const sets: ConceptSet[] = []
    for (const [index, raw] of objects(compose, name).entries()) {
      const place = `${name}[${index}]`
      const valueSets: PreparedValueSet[] = []
      for (const canonical of texts(raw, 'valueSet')) valueSets.push(await this.#import(resource, canonical, chain))
      sets.push({
        raw,
        place,
        system: text(raw, 'system'),
        version: text(raw, 'version'),
        concepts: objects(raw, 'concept'),
        filters: filtersOf(raw, place),
        valueSets,
      })
    }
    return sets
  }

  async #import(from: Json, canonical: string, chain: readonly string[]): Promise<PreparedValueSet> {
    const pinned = this.#inquiry.pinned(canonical)
    const found = canonical.startsWith('#')
      ? objects(from, 'contained').find((one) => one.id === canonical.slice(1))
      : await this.#inquiry.library.resource('ValueSet', pinned)
    if (found && found.resourceType === 'ValueSet') return this.valueSet(found, chain, canonical.startsWith('#'))
    const isPinned = pinned !== canonical
    throw new TerminologyError({
      severity: 'error',
      code: 'not-found',
      type: 'not-found',
      id: isPinned ? 'VS_EXP_IMPORT_UNK_PINNED' : 'Unable_to_resolve_value_Set_',
      text: isPinned ? pinnedAway(pinned) : messages.unknownValueSet(canonical),
    })
  }
}

function pinnedAway(canonical: string): string {
  const { url, version } = canonicalParts(canonical)
  return `Unable to find included value set ${url} version ${version ?? ''}`
}

/** A filter without a value is no filter: http://hl7.org/fhir/R4/valueset-definitions.html#ValueSet.compose.include.filter.value */
function filtersOf(raw: Json, place: string): Filter[] {
  return objects(raw, 'filter').map((filter, index) => {
    const property = text(filter, 'property') ?? ''
    const op = text(filter, 'op') ?? ''
    const value = text(filter, 'value')
    if (value !== undefined) return { property, op, value }
    throw new TerminologyError(
      {
        severity: 'error',
        code: 'invalid',
        type: 'vs-invalid',
        id: 'UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE',
        text: messages.filterWithoutValue(text(raw, 'system') ?? '', property, op),
        path: `ValueSet.compose.${place}.filter[${index}]`,
      },
      400,
    )
  })
}

function circle(canonical: string, chain: readonly string[]): TerminologyError {
  return new TerminologyError({
    severity: 'error',
    code: 'processing',
    type: 'vs-invalid',
    id: 'VALUESET_CIRCULAR_REFERENCE',
    text: messages.circular(canonical, chain),
  })
}

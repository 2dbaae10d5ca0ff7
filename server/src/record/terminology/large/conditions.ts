import type { Filter } from '../engine/concept.ts'
import { tooCostly } from '../engine/work.ts'
import { type Ecl, parseEcl } from './ecl.ts'
import { type Condition, isStorable } from './store.ts'

/** Looks up the number and the ancestors of codes. */
export type Lineage = (codes: readonly string[]) => Promise<Map<string, { id: number; ancestors: number[] }>>

/** Values of one list filter. */
const VALUES_MAX = 1_000

/** Values of one condition in total: PostgreSQL takes 65,535 parameters, and each here is a look into an index. */
const PARAMETERS_MAX = 5_000

/**
 * SQL of several filters, all of which must hold; undefined when one is not understood. Columns are those of
 * `concept`. Fault `too-costly` when they have too many values.
 */
export async function conditionOf(
  system: number,
  filters: readonly Filter[],
  lineage: Lineage,
): Promise<Condition | undefined> {
  const builder = new ConditionBuilder(system, lineage)
  const parts: string[] = []
  for (const filter of filters) {
    if (!isStorable(filter.value) || !isStorable(filter.property)) return undefined
    const sql = await builder.filter(filter)
    if (sql === undefined) return undefined
    parts.push(`(${sql})`)
  }
  return { sql: parts.length === 0 ? 'true' : parts.join(' and '), values: builder.values }
}

class ConditionBuilder {
  readonly values: unknown[] = []
  readonly #system: number
  readonly #lineage: Lineage

  constructor(system: number, lineage: Lineage) {
    this.#system = system
    this.#lineage = lineage
  }

  /** The first two parameters are the caller's. */
  #parameter(value: unknown, cast: string): string {
    if (this.values.length >= PARAMETERS_MAX)
      throw tooCostly(`The filters of a value set have at most ${PARAMETERS_MAX} values here. Split it.`)
    this.values.push(value)
    return `$${this.values.length + 2}::${cast}`
  }

  async filter({ property, op, value }: Filter): Promise<string | undefined> {
    if (property === 'constraint' && op === '=') {
      const parsed = parseEcl(value)
      return parsed && this.ecl(parsed)
    }
    if (property === 'concept' || property === 'code') {
      if (op === 'in' && property === 'concept') return this.#member(value)
      return (await this.#hierarchy(op, value)) ?? this.#codes(op, value)
    }
    if (property === 'refset' && op === 'exists')
      return 'exists (select from terminology.member m where m.system = concept.system and m.concept = concept.id)'
    if (property === 'parent' && op === '=') return this.#hierarchy('child-of', value)
    if (property === 'ancestor' && op === '=') return this.#hierarchy('descendent-of', value)
    if (property === 'inactive' && op === '=')
      return value === 'true' ? '(concept.flags & 1) = 1' : '(concept.flags & 1) = 0'
    return this.#property(property, op, value)
  }

  async #hierarchy(op: string, code: string): Promise<string | undefined> {
    if (!HIERARCHY.has(op)) return undefined
    const own = (await this.#lineage([code])).get(code)
    if (!own) return op === 'is-not-a' ? 'true' : 'false'
    const id = (): string => this.#parameter(own.id, 'int')
    switch (op) {
      case 'is-a':
        return `concept.id = ${id()} or concept.ancestors @> array[${id()}]`
      case 'is-not-a':
        return `not (concept.id = ${id()} or concept.ancestors @> array[${id()}])`
      case 'descendent-of':
      case 'descendant-of':
        return `concept.ancestors @> array[${id()}]`
      case 'child-of':
        return `concept.parents @> array[${id()}]`
      case 'descendent-leaf':
        return `concept.children = 0 and concept.ancestors @> array[${id()}]`
      default: {
        const above = op === 'above' ? own.ancestors : [own.id, ...own.ancestors]
        return `concept.id = any (${this.#parameter(`{${above.join(',')}}`, 'int[]')})`
      }
    }
  }

  #codes(op: string, value: string): string | undefined {
    if (op === '=') return `concept.code = ${this.#parameter(value, 'text')}`
    const list = listOf(value)
    if (op === 'in') return `concept.code = any (${this.#parameter(arrayText(list), 'text[]')})`
    return op === 'not-in' ? `not (concept.code = any (${this.#parameter(arrayText(list), 'text[]')}))` : undefined
  }

  #member(name: string): string {
    return `exists (select from terminology.member m where m.system = ${this.#parameter(this.#system, 'int')} and m.name = ${this.#parameter(name, 'text')} and m.concept = concept.id)`
  }

  #property(property: string, op: string, value: string): string | undefined {
    const has = (one: string): string =>
      `concept.properties @> ${this.#parameter(JSON.stringify({ [property]: [one] }), 'jsonb')}`
    switch (op) {
      case '=':
        return has(value)
      case 'in':
        return listOf(value).map(has).join(' or ') || 'false'
      case 'not-in':
        return `not (${listOf(value).map(has).join(' or ') || 'false'})`
      case 'exists':
        return `${value === 'true' ? '' : 'not '}(concept.properties ? ${this.#parameter(property, 'text')})`
      default:
        return undefined
    }
  }

  /** http://snomed.org/ecl, the part that is understood: see `ecl.ts`. */
  async ecl(node: Ecl): Promise<string> {
    switch (node.kind) {
      case 'any':
        return '(concept.flags & 1) = 0'
      case 'concept':
        return this.#eclConcept(node.operator, node.code)
      case 'member':
        return this.#member(node.code)
      case 'and':
      case 'or':
      case 'minus': {
        const parts: string[] = []
        for (const part of node.parts) parts.push(`(${await this.ecl(part)})`)
        return parts.join(node.kind === 'minus' ? ' and not ' : ` ${node.kind} `)
      }
      case 'refined':
        return this.#refined(node)
    }
  }

  async #eclConcept(operator: string, code: string): Promise<string> {
    const op = ECL_OPERATORS[operator]
    if (op === undefined) return `concept.code = ${this.#parameter(code, 'text')}`
    return (await this.#hierarchy(op, code)) ?? 'false'
  }

  /** An attribute is a property named by its code, whose values are codes of concepts. */
  async #refined({ focus, attributes }: Ecl & { kind: 'refined' }): Promise<string> {
    const parts = [`(${await this.ecl(focus)})`]
    for (const { name, value, isEqual } of attributes) {
      const outer = this.#parameter(name, 'text')
      const inner = await this.ecl(value)
      const matched = `exists (select from jsonb_array_elements_text(refined.properties -> ${outer}) as given (value)
        join terminology.concept on concept.system = ${this.#parameter(this.#system, 'int')} and concept.code = given.value where (${inner}))`
      // The focus concept has another name inside, so that `concept` is the value there.
      parts.push(
        `${isEqual ? '' : 'not '}exists (select from terminology.concept refined where refined.system = concept.system and refined.id = concept.id and refined.properties ? ${outer} and ${matched})`,
      )
    }
    return parts.join(' and ')
  }
}

const HIERARCHY = new Set([
  'is-a',
  'is-not-a',
  'descendent-of',
  'descendant-of',
  'child-of',
  'generalizes',
  'above',
  'descendent-leaf',
])

/** Operators of ECL: below, below or itself, above or itself, directly below. */
const ECL_OPERATORS: Record<string, string | undefined> = {
  '<': 'descendent-of',
  '<<': 'is-a',
  '>>': 'generalizes',
  '<!': 'child-of',
  '>': 'above',
}

function listOf(value: string): string[] {
  return value.split(',', VALUES_MAX).map((one) => one.trim())
}

/** A text array as PostgreSQL reads it. */
function arrayText(values: readonly string[]): string {
  return `{${values.map((one) => `"${one.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`
}

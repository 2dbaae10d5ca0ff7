import type { Filter } from '../engine/concept.ts'
import { compilePattern } from '../engine/pattern.ts'
import type { MemoryConcept, MemoryIndex } from './memory-system.ts'

export type ConceptTest = (concept: MemoryConcept) => boolean

/** A filter of a value set over a system in memory; undefined when the system does not understand it. */
export function conceptTest(
  index: MemoryIndex,
  filter: Filter,
  spend?: (visits: number) => void,
): ConceptTest | undefined {
  const { property, op, value } = filter
  if (property === 'concept' || property === 'code')
    return hierarchyTest(index, filter, spend) ?? codeTest(filter, spend)
  if (op === 'exists') {
    const wanted = value === 'true'
    return (concept) => valuesOf(concept, property).length > 0 === wanted
  }
  if (!isKnownProperty(index, property)) return undefined
  if (HIERARCHY.has(op)) return undefined
  const test = valueTest(op, value, spend)
  if (!test) return undefined
  // A concept without the property is in no list.
  if (op === 'not-in') return (concept) => valuesOf(concept, property).every(test)
  return (concept) => valuesOf(concept, property).some(test)
}

const HIERARCHY = new Set([
  'is-a',
  'descendent-of',
  'descendant-of',
  'is-not-a',
  'generalizes',
  'child-of',
  'descendent-leaf',
])
/** Properties that every system has, whether it defines them or not. */
const BUILT_IN = new Set([
  'parent',
  'child',
  'inactive',
  'notSelectable',
  'status',
  'display',
  'definition',
  'abstract',
])

function isKnownProperty(index: MemoryIndex, property: string): boolean {
  return (
    BUILT_IN.has(property) ||
    index.properties.some(({ code, uri }) => code === property || uri === property) ||
    index.used.has(property)
  )
}

function valuesOf(concept: MemoryConcept, property: string): string[] {
  const found = concept.properties.filter(({ code }) => code === property).map(({ value }) => valueText(value))
  if (found.length > 0) return found
  switch (property) {
    case 'parent':
      return concept.parents
    case 'child':
      return concept.children
    case 'display':
      return concept.display === undefined ? [] : [concept.display]
    case 'definition':
      return concept.definition === undefined ? [] : [concept.definition]
    case 'inactive':
      return [String(concept.isInactive)]
    case 'abstract':
      return [String(concept.isAbstract)]
    default:
      return []
  }
}

function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const code = (value as { code?: unknown }).code
  return typeof code === 'string' ? code : ''
}

function hierarchyTest(
  index: MemoryIndex,
  { op, value }: Filter,
  spend?: (visits: number) => void,
): ConceptTest | undefined {
  if (!HIERARCHY.has(op)) return undefined
  const found = index.byCode.get(value)
  if (!found) return () => op === 'is-not-a'
  switch (op) {
    case 'is-a':
      return inSet(descendants(index, found, spend), found)
    case 'descendent-of':
    case 'descendant-of':
      return inSet(descendants(index, found, spend))
    case 'is-not-a': {
      const below = inSet(descendants(index, found, spend), found)
      return (concept) => !below(concept)
    }
    case 'generalizes':
      return inSet(ancestors(index, found, spend), found)
    case 'child-of':
      return inSet(new Set(found.children))
    default: {
      const below = descendants(index, found, spend)
      return (concept) => below.has(concept.code) && concept.children.length === 0
    }
  }
}

function codeTest({ op, value }: Filter, spend?: (visits: number) => void): ConceptTest | undefined {
  const test = valueTest(op, value, spend)
  return test && (({ code }) => test(code))
}

function valueTest(
  op: string,
  value: string,
  spend?: (visits: number) => void,
): ((text: string) => boolean) | undefined {
  switch (op) {
    case '=':
      return (text) => text === value
    case 'in': {
      const wanted = new Set(value.split(',').map((one) => one.trim()))
      return (text) => wanted.has(text)
    }
    case 'not-in': {
      const refused = new Set(value.split(',').map((one) => one.trim()))
      return (text) => !refused.has(text)
    }
    case 'regex':
      return compilePattern(value, spend)
    default:
      return undefined
  }
}

function inSet(codes: ReadonlySet<string>, self?: MemoryConcept): ConceptTest {
  return (concept) => concept === self || codes.has(concept.code)
}

/** What was walked in one code system. */
interface Walked {
  below: Map<MemoryConcept, ReadonlySet<string>>
  above: Map<MemoryConcept, ReadonlySet<string>>
  /** Codes in all of them. */
  codes: number
}

const WALKED = new WeakMap<MemoryIndex, Walked>()
/** Codes remembered per code system, 40 bytes each: in a deep hierarchy many sets would fill the memory. They are then made anew. */
const WALKED_CODES_MAX = 1_000_000

/** Codes below a concept, without itself; remembered. `spend` is told of each when they must be gathered, and may throw. */
export function descendants(
  index: MemoryIndex,
  concept: MemoryConcept,
  spend?: (visits: number) => void,
): ReadonlySet<string> {
  return reach(index, concept, 'below', spend)
}

/** The same for those above. */
export function ancestors(
  index: MemoryIndex,
  concept: MemoryConcept,
  spend?: (visits: number) => void,
): ReadonlySet<string> {
  return reach(index, concept, 'above', spend)
}

/** A hierarchy that runs in a circle is walked once. */
function reach(
  index: MemoryIndex,
  from: MemoryConcept,
  direction: 'below' | 'above',
  spend?: (visits: number) => void,
): ReadonlySet<string> {
  let walked = WALKED.get(index)
  const remembered = walked?.[direction].get(from)
  if (remembered) return remembered
  const next = (concept: MemoryConcept): readonly string[] =>
    direction === 'below' ? concept.children : concept.parents
  const found = new Set<string>()
  const waiting = [...next(from)]
  for (let code = waiting.pop(); code !== undefined; code = waiting.pop()) {
    if (found.has(code) || code === from.code) continue
    found.add(code)
    const concept = index.byCode.get(code)
    if (!concept) continue
    const further = next(concept)
    spend?.(further.length)
    for (const one of further) waiting.push(one)
  }
  if (!walked || walked.codes + found.size > WALKED_CODES_MAX) {
    walked = { below: new Map(), above: new Map(), codes: 0 }
    WALKED.set(index, walked)
  }
  walked.codes += found.size
  walked[direction].set(from, found)
  return found
}

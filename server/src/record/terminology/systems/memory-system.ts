import type { Concept, ConceptProperty, PropertyDefinition } from '../engine/concept.ts'
import type { Designation } from '../engine/displays.ts'
import { TerminologyError } from '../engine/issues.ts'
import { extensionText, type Json, objects, STANDARDS_STATUS, text, truth, valueOf } from '../engine/resources.ts'
import type { Work } from '../engine/work.ts'
import { TERMINOLOGY_LIMITS } from '../limits.ts'

/** A concept in memory: what every system gives, and its place. */
export interface MemoryConcept extends Concept {
  position: number
  parents: string[]
  children: string[]
}

/** The concepts of one CodeSystem resource, indexed. */
export interface MemoryIndex {
  /** In the order of definition, depth first. */
  concepts: readonly MemoryConcept[]
  byCode: ReadonlyMap<string, MemoryConcept>
  /** By code in lower case, for systems that ignore letter case. */
  byFolded: ReadonlyMap<string, MemoryConcept>
  properties: readonly PropertyDefinition[]
  /** Codes of the properties that some concept has. */
  used: ReadonlySet<string>
}

const INDEXES = new WeakMap<Json, MemoryIndex>()

/** Index a CodeSystem once. Fault as `TerminologyError` when it has too many concepts for memory. */
export function indexOf(resource: Json): MemoryIndex {
  const known = INDEXES.get(resource)
  if (known) return known
  const steps = build(resource)
  for (let step = steps.next(); ; step = steps.next())
    if (step.done) {
      INDEXES.set(resource, step.value)
      return step.value
    }
}

/**
 * The same for a resource that somebody sent or stored: each concept is charged to `work`, and others get their turn meanwhile. What
 * is under way twice is done twice, so that nobody waits for work that another request may not finish.
 */
export async function makeIndex(resource: Json, work: Work): Promise<void> {
  if (INDEXES.has(resource)) return
  const steps = build(resource)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) {
      INDEXES.set(resource, step.value)
      return
    }
    work.spend(step.value)
    await work.turn()
  }
}

/** Concepts indexed between two turns: a millisecond. */
const CONCEPTS_PER_STEP = 1_000

const WELL_KNOWN = 'http://hl7.org/fhir/concept-properties#'

/** Codes of the properties that mean what the well-known property `name` means in this system. */
function codesMeaning(properties: readonly PropertyDefinition[], name: string): Set<string> {
  const meant = properties.filter(({ uri }) => uri === `${WELL_KNOWN}${name}`).map(({ code }) => code)
  return new Set(meant.length > 0 ? meant : [name])
}

/** Yields the number of concepts added since it last did. */
function* build(resource: Json): Generator<number, MemoryIndex> {
  const concepts: MemoryConcept[] = []
  const byCode = new Map<string, MemoryConcept>()
  const properties = objects(resource, 'property').map(propertyDefinition)
  const reader = conceptReader(resource, properties)
  const links = new Links()
  const waiting: Level[] = [{ list: objects(resource, 'concept'), at: 0, parent: undefined }]
  let seen = 0
  let told = 0
  for (let level = waiting.at(-1); level; level = waiting.at(-1)) {
    const raw = level.list[level.at++]
    if (!raw) {
      waiting.pop()
      continue
    }
    const code = text(raw, 'code')
    if (code === undefined) continue
    const known = byCode.get(code)
    const concept = known ?? reader(raw, code, concepts.length)
    if (!known) {
      if (concepts.length >= TERMINOLOGY_LIMITS.memoryConceptsMax) throw tooManyConcepts()
      concepts.push(concept)
      byCode.set(code, concept)
    }
    if (level.parent) links.add(level.parent, concept)
    const list = objects(raw, 'concept')
    if (list.length > 0) waiting.push({ list, at: 0, parent: concept })
    if (++seen % CONCEPTS_PER_STEP === 0) {
      yield concepts.length - told
      told = concepts.length
    }
  }
  yield concepts.length - told
  yield* linkByProperty(concepts, byCode, properties, links)
  return { concepts, byCode, byFolded: yield* folded(concepts), properties, used: yield* usedBy(concepts) }
}

/** Concepts of one parent, and how far they are read. */
interface Level {
  list: readonly Json[]
  at: number
  parent: MemoryConcept | undefined
}

function* usedBy(concepts: readonly MemoryConcept[]): Generator<number, Set<string>> {
  const used = new Set<string>()
  for (const [at, { properties }] of concepts.entries()) {
    if (at % CONCEPTS_PER_STEP === 0) yield 0
    for (const { code } of properties) used.add(code)
  }
  return used
}

function propertyDefinition(raw: Json): PropertyDefinition {
  const uri = text(raw, 'uri')
  const type = text(raw, 'type')
  return { code: text(raw, 'code') ?? '', ...(uri ? { uri } : {}), ...(type ? { type } : {}) }
}

/** Who is below whom, each pair once: a code system may say it as hierarchy and as property. */
class Links {
  readonly #below = new Map<MemoryConcept, Set<MemoryConcept>>()

  add(parent: MemoryConcept, child: MemoryConcept): void {
    if (parent === child) return
    let below = this.#below.get(parent)
    if (!below) {
      below = new Set()
      this.#below.set(parent, below)
    }
    if (below.has(child)) return
    below.add(child)
    parent.children.push(child.code)
    child.parents.push(parent.code)
  }
}

/** Flat systems say who is whose parent by property. */
function* linkByProperty(
  concepts: readonly MemoryConcept[],
  byCode: ReadonlyMap<string, MemoryConcept>,
  properties: readonly PropertyDefinition[],
  links: Links,
): Generator<number, void> {
  const up = codesMeaning(properties, 'parent')
  const down = codesMeaning(properties, 'child')
  for (const [at, concept] of concepts.entries()) {
    if (at % CONCEPTS_PER_STEP === 0) yield 0
    for (const { code, value } of concept.properties) {
      const isUp = up.has(code) || code === 'subsumedBy'
      if (!isUp && !down.has(code)) continue
      const other = typeof value === 'string' ? byCode.get(value) : undefined
      if (other) links.add(isUp ? other : concept, isUp ? concept : other)
    }
  }
}

function conceptReader(resource: Json, properties: readonly PropertyDefinition[]) {
  const language = text(resource, 'language')
  const notSelectable = codesMeaning(properties, 'notSelectable')
  const inactive = codesMeaning(properties, 'inactive')
  const status = codesMeaning(properties, 'status')
  return (raw: Json, code: string, position: number): MemoryConcept => {
    const values = objects(raw, 'property').map(conceptProperty).filter(isProperty)
    const display = text(raw, 'display')
    const stated = values.find((one) => status.has(one.code))?.value
    const standards = extensionText(raw, STANDARDS_STATUS)
    const conceptStatus = typeof stated === 'string' ? stated : standards
    return {
      code,
      display,
      definition: text(raw, 'definition'),
      designations: [
        ...(display === undefined ? [] : [{ language, use: undefined, value: display, isDisplay: true }]),
        ...objects(raw, 'designation').map(designation),
      ],
      properties: values,
      extensions: objects(raw, 'extension'),
      isAbstract: values.some((one) => notSelectable.has(one.code) && isTrue(one.value)),
      isInactive:
        values.some((one) => inactive.has(one.code) && isTrue(one.value)) ||
        conceptStatus === 'retired' ||
        conceptStatus === 'inactive' ||
        conceptStatus === 'withdrawn',
      status: conceptStatus,
      parents: [],
      children: [],
      position,
    }
  }
}

export function conceptProperty(raw: Json): ConceptProperty | undefined {
  const code = text(raw, 'code')
  const value = valueOf(raw)
  return code === undefined || !value ? undefined : { code, name: value[0], value: value[1] }
}

export function isProperty(one: ConceptProperty | undefined): one is ConceptProperty {
  return one !== undefined
}

export function designation(raw: Json): Designation {
  const use = raw.use
  const status = extensionText(raw, STANDARDS_STATUS)
  const extension = objects(raw, 'extension')
  return {
    language: text(raw, 'language'),
    use: typeof use === 'object' && use !== null ? (use as Json) : undefined,
    value: text(raw, 'value') ?? '',
    isDisplay: false,
    ...(status === undefined ? {} : { status }),
    ...(extension.length === 0 ? {} : { extension }),
  }
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true'
}

function* folded(concepts: readonly MemoryConcept[]): Generator<number, Map<string, MemoryConcept>> {
  const map = new Map<string, MemoryConcept>()
  for (const [at, concept] of concepts.entries()) {
    if (at % CONCEPTS_PER_STEP === 0) yield 0
    const key = concept.code.toLowerCase()
    if (!map.has(key)) map.set(key, concept)
  }
  return map
}

/** Whether a code system pays attention to letter case. R4 leaves it open when it is not said: exact is the safe reading. */
export function isCaseSensitive(resource: Json): boolean {
  return truth(resource, 'caseSensitive') ?? true
}

function tooManyConcepts(): TerminologyError {
  return new TerminologyError(
    {
      severity: 'error',
      code: 'too-costly',
      type: 'too-costly',
      text: `A code system in a resource has at most ${TERMINOLOGY_LIMITS.memoryConceptsMax} concepts. Load it with "salus terminology load".`,
    },
    422,
  )
}

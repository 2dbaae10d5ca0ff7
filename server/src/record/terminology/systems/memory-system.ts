import type { Concept, ConceptProperty, PropertyDefinition } from '../engine/concept.ts'
import type { Designation } from '../engine/displays.ts'
import { TerminologyError } from '../engine/issues.ts'
import { extensionText, type Json, objects, STANDARDS_STATUS, text, truth, valueOf } from '../engine/resources.ts'
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
}

const INDEXES = new WeakMap<Json, MemoryIndex>()

/** Index a CodeSystem once. Fault as `TerminologyError` when it has too many concepts for memory. */
export function indexOf(resource: Json): MemoryIndex {
  const known = INDEXES.get(resource)
  if (known) return known
  const index = build(resource)
  INDEXES.set(resource, index)
  return index
}

const WELL_KNOWN = 'http://hl7.org/fhir/concept-properties#'

/** Codes of the properties that mean what the well-known property `name` means in this system. */
function codesMeaning(properties: readonly PropertyDefinition[], name: string): Set<string> {
  const meant = properties.filter(({ uri }) => uri === `${WELL_KNOWN}${name}`).map(({ code }) => code)
  return new Set(meant.length > 0 ? meant : [name])
}

function build(resource: Json): MemoryIndex {
  const concepts: MemoryConcept[] = []
  const byCode = new Map<string, MemoryConcept>()
  const properties = objects(resource, 'property').map(propertyDefinition)
  const reader = conceptReader(resource, properties)
  const walk = (list: readonly Json[], parent: MemoryConcept | undefined): void => {
    for (const raw of list) {
      const code = text(raw, 'code')
      if (code === undefined) continue
      const known = byCode.get(code)
      const concept = known ?? reader(raw, code, concepts.length)
      if (!known) {
        if (concepts.length >= TERMINOLOGY_LIMITS.memoryConceptsMax) throw tooManyConcepts()
        concepts.push(concept)
        byCode.set(code, concept)
      }
      if (parent) link(parent, concept)
      walk(objects(raw, 'concept'), concept)
    }
  }
  walk(objects(resource, 'concept'), undefined)
  linkByProperty(concepts, byCode, properties)
  return { concepts, byCode, byFolded: folded(concepts), properties }
}

function propertyDefinition(raw: Json): PropertyDefinition {
  const uri = text(raw, 'uri')
  const type = text(raw, 'type')
  return { code: text(raw, 'code') ?? '', ...(uri ? { uri } : {}), ...(type ? { type } : {}) }
}

function link(parent: MemoryConcept, child: MemoryConcept): void {
  if (parent === child || parent.children.includes(child.code)) return
  parent.children.push(child.code)
  child.parents.push(parent.code)
}

/** Flat systems say who is whose parent by property. */
function linkByProperty(
  concepts: readonly MemoryConcept[],
  byCode: ReadonlyMap<string, MemoryConcept>,
  properties: readonly PropertyDefinition[],
): void {
  const up = codesMeaning(properties, 'parent')
  const down = codesMeaning(properties, 'child')
  for (const concept of concepts)
    for (const { code, value } of concept.properties) {
      const isUp = up.has(code) || code === 'subsumedBy'
      if (!isUp && !down.has(code)) continue
      const other = typeof value === 'string' ? byCode.get(value) : undefined
      if (other) link(isUp ? other : concept, isUp ? concept : other)
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

function folded(concepts: readonly MemoryConcept[]): Map<string, MemoryConcept> {
  const map = new Map<string, MemoryConcept>()
  for (const concept of concepts) {
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

import { type Definition, type DefinitionSource, textOf, withoutVersion } from './definition-source.ts'
import { elementsOf } from './element-definition.ts'
import { type ElementNode, elementsOfTree, ProfileError, treeOfElements } from './element-tree.ts'
import { mergeProfile, type Trees } from './snapshot.ts'

export const CORE = 'http://hl7.org/fhir/StructureDefinition/'

/** Profiles kept as trees; each takes some 10 to 500 KB. The oldest go first. */
const TREES_MAX = 1_000
/** Profiles built on profiles. */
const BASES_MAX = 50

/** The StructureDefinitions of one source as trees of elements, with snapshots made where they are missing. */
export class Profiles implements Trees {
  readonly source: DefinitionSource
  readonly #trees = new Map<string, ElementNode>()
  readonly #errors = new Map<string, ProfileError>()
  readonly #building: string[] = []

  constructor(source: DefinitionSource) {
    this.source = source
  }

  /** The definition of a canonical or, for a name without colon, of that type. */
  definition(canonicalOrType: string): Definition | undefined {
    if (canonicalOrType === '') return undefined
    const url = /^[A-Za-z]\w*$/.test(canonicalOrType) ? CORE + canonicalOrType : canonicalOrType
    return this.source.find('StructureDefinition', url)
  }

  tree(canonicalOrType: string): ElementNode | undefined {
    const definition = this.definition(canonicalOrType)
    if (definition === undefined || this.#building.includes(keyOf(definition))) return undefined
    try {
      return this.treeOf(definition)
    } catch (error) {
      if (error instanceof ProfileError) return undefined
      throw error
    }
  }

  /** The tree of a definition. Throws {@link ProfileError} when the definition or one it is built on cannot be used. */
  treeOf(definition: Definition, { fresh = false }: { fresh?: boolean } = {}): ElementNode {
    if (fresh) return this.#build(definition)
    const key = keyOf(definition)
    const known = this.#trees.get(key)
    if (known !== undefined) return known
    const failed = this.#errors.get(key)
    if (failed !== undefined) throw failed
    if (this.#building.includes(key)) throw new ProfileError('It is built on itself.')
    if (this.#building.length >= BASES_MAX)
      throw new ProfileError(`More than ${BASES_MAX} profiles are built on each other.`)
    this.#building.push(key)
    try {
      const tree = this.#build(definition)
      remember(this.#trees, key, tree)
      return tree
    } catch (error) {
      // In a circle only the first one asked about is to blame, so the others are not remembered.
      if (error instanceof ProfileError && this.#building.length === 1) remember(this.#errors, key, error)
      throw error
    } finally {
      this.#building.pop()
    }
  }

  #build(definition: Definition): ElementNode {
    const snapshot = elementsOf(definition.snapshot)
    if (snapshot.length > 0) return treeOfElements(snapshot)
    const baseUrl = textOf(definition.baseDefinition)
    if (baseUrl === '') throw new ProfileError('It has neither a snapshot nor a base.')
    const base = this.definition(baseUrl)
    if (base === undefined) throw new ProfileError('The profile it is built on is not known here.')
    return mergeProfile(definition, this.treeOf(base), this)
  }

  /** Whether a profile is, or is built on, another one. */
  isDerived(canonical: string, ancestor: string): boolean {
    const wanted = withoutVersion(ancestor)
    let at: string = withoutVersion(canonical)
    for (let steps = 0; steps < BASES_MAX && at !== ''; steps++) {
      if (at === wanted) return true
      at = withoutVersion(textOf(this.definition(at)?.baseDefinition))
    }
    return false
  }
}

/**
 * A StructureDefinition with its snapshot, made from the differential where it has none. Throws `ProfileError` when it
 * cannot be made. Spec: https://hl7.org/fhir/R4/profiling.html#snapshot
 */
export function withSnapshot(definition: Definition, source: DefinitionSource): Definition {
  if (elementsOf(definition.snapshot).length > 0) return definition
  return { ...definition, snapshot: { element: elementsOfTree(new Profiles(source).treeOf(definition)) } }
}

/** Two versions of a profile, or two without a URL, are different profiles. */
const anonymous = new WeakMap<Definition, string>()
let anonymousCount = 0

export function keyOf(definition: Definition): string {
  if (typeof definition.url === 'string') return `${definition.url}|${textOf(definition.version)}`
  let key = anonymous.get(definition)
  if (key === undefined) anonymous.set(definition, (key = `#${anonymousCount++}`))
  return key
}

/** Canonicals come from clients, too: longer ones are no addresses of anything. */
const KEY_CHARS_MAX = 500

export function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (key.length > KEY_CHARS_MAX) return
  if (map.size >= TREES_MAX) for (const oldest of map.keys()) if (map.delete(oldest)) break
  map.set(key, value)
}

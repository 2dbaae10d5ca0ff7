import { fhirPathModel } from '@salus/fhir-model'
import { compileRoot } from './compile-node.ts'
import { type Definition, textOf, withoutVersion } from './definition-source.ts'
import { type ElementNode, ProfileError } from './element-tree.ts'
import { contextsOf, type ExtensionContext, isModifierDefinition } from './extensions.ts'
import type { NodePlan } from './plan.ts'
import { CORE, keyOf, type Profiles, remember } from './profiles.ts'
import { referencedNode } from './snapshot.ts'

/** A profile ready to check against. */
export interface ProfilePlan {
  url: string
  /** The type it is for. */
  type: string
  node: NodePlan
  /** Why it cannot be used; null when it can. Names definitions only. */
  error: string | null
}

export interface ExtensionPlan {
  url: string
  node: NodePlan
  modifier: boolean
  contexts: readonly ExtensionContext[]
}

/** Compiled profiles, made when first asked for and kept: as many of each kind as `remember` keeps. The types of R4 are about 200. */
export class Plans {
  readonly profiles: Profiles
  readonly #types = new Map<string, NodePlan>()
  readonly #profiles = new Map<string, ProfilePlan>()
  readonly #extensions = new Map<string, ExtensionPlan>()
  /** Apart from the known ones, so that a resource of 10,000 unknown extensions pushes no plan out. */
  readonly #unknownProfiles = new Map<string, true>()
  readonly #unknownExtensions = new Map<string, true>()
  readonly #compiled = new Map<string, NodePlan>()

  constructor(profiles: Profiles) {
    this.profiles = profiles
  }

  /** The plan of a type of R4 itself. A type that the definitions lack is not checked further. */
  type(name: string): NodePlan {
    const known = this.#types.get(name)
    if (known !== undefined) return known
    const tree = this.profiles.tree(name)
    const plan = tree === undefined ? anything(name) : compileRoot(tree, { plans: this, url: CORE + name, type: name })
    remember(this.#types, name, plan)
    return plan
  }

  /** The plan of an element that a content reference means: `Questionnaire.item`. */
  element(path: string): NodePlan {
    const known = this.#types.get(path)
    if (known !== undefined) return known
    const node = referencedNode(path, this.profiles)
    const [type = ''] = path.split('.')
    const plan = node === undefined ? anything(path) : compileRoot(node, { plans: this, url: CORE + type, type: path })
    remember(this.#types, path, plan)
    return plan
  }

  profile(canonical: string): ProfilePlan | undefined {
    const known = this.#profiles.get(canonical)
    if (known !== undefined) return known
    if (this.#unknownProfiles.has(canonical)) return undefined
    const plan = this.#makeProfile(canonical)
    if (plan === undefined) remember(this.#unknownProfiles, canonical, true)
    else remember(this.#profiles, canonical, plan)
    return plan
  }

  #makeProfile(canonical: string): ProfilePlan | undefined {
    const definition = this.profiles.definition(canonical)
    if (definition === undefined) return undefined
    const url = textOf(definition.url)
    const type = textOf(definition.type)
    try {
      return { url, type, node: this.#compile(definition, this.profiles.treeOf(definition)), error: null }
    } catch (error) {
      if (!(error instanceof ProfileError)) throw error
      return { url, type, node: anything(type), error: error.message }
    }
  }

  #compile(definition: Definition, tree: ElementNode): NodePlan {
    const key = keyOf(definition)
    const known = this.#compiled.get(key)
    if (known !== undefined) return known
    const plan = compileRoot(tree, { plans: this, url: textOf(definition.url), type: textOf(definition.type) })
    remember(this.#compiled, key, plan)
    return plan
  }

  /** `url` may have a version, which is wrong and looked past. */
  extension(url: string): ExtensionPlan | undefined {
    const known = this.#extensions.get(url)
    if (known !== undefined) return known
    if (this.#unknownExtensions.has(url)) return undefined
    const plain = withoutVersion(url)
    if (plain !== url) return this.extension(plain)
    const plan = this.#makeExtension(url)
    if (plan === undefined) remember(this.#unknownExtensions, url, true)
    else remember(this.#extensions, url, plan)
    return plan
  }

  #makeExtension(url: string): ExtensionPlan | undefined {
    const definition = this.profiles.definition(url)
    if (definition === undefined || definition.type !== 'Extension') return undefined
    const profile = this.profile(url)
    if (profile === undefined || profile.error !== null) return undefined
    const tree = this.profiles.treeOf(definition)
    const modifier = isModifierDefinition(tree.definition)
    return { url, node: profile.node, modifier, contexts: contextsOf(definition) }
  }

  isSubtype(type: string, ancestor: string): boolean {
    return type === ancestor || fhirPathModel.isSubtype(type, ancestor)
  }
}

/** The plan that finds nothing. */
function anything(type: string): NodePlan {
  return { type, isResource: false, properties: ANY_PROPERTIES, required: [], rules: [] }
}

const ANY_PROPERTIES = new Map() as NodePlan['properties']

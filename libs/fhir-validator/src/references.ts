import { isResourceType } from '@salus/fhir-model'
import { isJson, type Json, textOf, withoutVersion } from './definition-source.ts'
import type { TypeRef } from './element-definition.ts'
import type { Check } from './plan.ts'
import type { Plans, ProfilePlan } from './plans.ts'
import { CORE } from './profiles.ts'
import { bundleIndex, resolveLocally, resolveReference } from './resolve.ts'
import { conformsTo } from './resources.ts'
import { isAbsolute } from './urls.ts'
import type { Place, Walk } from './walk.ts'

/** The checks of a Reference that may point to these. Spec: https://hl7.org/fhir/R4/references.html */
export function referenceCheck(type: TypeRef, plans: Plans): Check[] {
  const targets = (type.targetProfile ?? []).map(withoutVersion)
  if (type.code === 'canonical') return canonicalCheck(targets)
  const types = targets.map((url) => targetType(url, plans))
  const any = types.length === 0 || types.some((one) => one === 'Resource' || one === 'DomainResource')
  const profiled = targets.filter((url) => !isTypeUrl(url))
  const allowed: Targets = { types: any ? null : new Set(types.filter((one) => one !== undefined)), targets, profiled }
  // A target that is not known cannot be told apart from others.
  if (types.includes(undefined)) allowed.types = null
  const aggregation = type.aggregation ?? []
  return [
    (walk, value) => {
      if (isJson(value)) checkReference(walk, value, allowed)
    },
    ...(aggregation.length === 0 ? [] : [aggregationCheck(aggregation)]),
  ]
}

const DEFINITION_TYPES = [
  'StructureDefinition',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'Questionnaire',
  'SearchParameter',
]

/** A canonical that is known must be of a type that the element allows. */
function canonicalCheck(targets: readonly string[]): Check[] {
  const types = targets.map(withoutCore)
  if (types.length === 0 || types.includes('Resource') || types.includes('StructureDefinition')) return []
  return [
    (walk, value) => {
      const { source } = walk.settings.plans.profiles
      if (typeof value !== 'string' || !value.includes(':')) return
      if (types.some((type) => source.find(type, value) !== undefined)) return
      if (DEFINITION_TYPES.some((type) => !types.includes(type) && source.find(type, value) !== undefined))
        walk.error('structure', `The canonical must be of a ${types.join(' or ')}.`)
    },
  ]
}

interface Targets {
  types: Set<string> | null
  targets: readonly string[]
  /** Targets that are profiles, not just types. */
  profiled: readonly string[]
}

const isTypeUrl = (url: string): boolean => url.startsWith(CORE) && isResourceType(url.slice(CORE.length))

function targetType(url: string, plans: Plans): string | undefined {
  if (url.startsWith(CORE)) {
    const name = url.slice(CORE.length)
    if (isResourceType(name) || name === 'Resource' || name === 'DomainResource') return name
  }
  const definition = plans.profiles.definition(url)
  return definition === undefined ? undefined : textOf(definition.type)
}

const TYPE_AND_ID =
  /^(?:https?:\/\/\S+\/)?([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?(?:#\S*)?$/

function checkReference(walk: Walk, reference: Json, allowed: Targets): void {
  const literal = reference.reference
  if (typeof literal !== 'string' || literal === '') {
    if (allowed.types !== null && typeof reference.type === 'string') checkType(walk, reference.type, allowed)
    return
  }
  const place = walk.place as Place
  const target = resolveReference(walk, place, literal)
  const type = target === undefined ? typeOf(walk, literal) : textOf(target.resourceType)
  if (target === undefined && !literal.includes(':') && !literal.startsWith('#') && isWithoutBase(walk, place))
    walk.error('value', 'A relative reference in an entry without fullUrl means nothing.')
  if (literal.startsWith('#') && target === undefined)
    return walk.error('invariant', 'ref-1: No contained resource has this id.')
  if (type !== undefined) checkType(walk, type, allowed)
  if (typeof reference.type === 'string' && type !== undefined && withoutCore(reference.type) !== type)
    walk.error('structure', 'The type of the reference is not that of its target.')
  if (target !== undefined) checkTarget(walk, target, allowed)
  else checkExistence(walk, literal)
}

/** Whether it stands in an entry of a Bundle that has no fullUrl although it should have one. */
function isWithoutBase(walk: Walk, { bundle, container }: Place): boolean {
  if (bundle === null || /^(?:transaction|batch)/.test(textOf(bundle.type))) return false
  return bundleIndex(walk, bundle).entryOf.get(container)?.fullUrl === undefined
}

const withoutCore = (type: string): string => (type.startsWith(CORE) ? type.slice(CORE.length) : type)

/** The type that the text of a reference tells; reports what no reference may look like. */
function typeOf(walk: Walk, literal: string): string | undefined {
  if (literal.startsWith('#') || /^[A-Za-z]+\?/.test(literal)) return undefined
  const match = TYPE_AND_ID.exec(literal)
  const type = match?.[1]
  if (isAbsolute(literal)) return type !== undefined && isResourceType(type) ? type : undefined
  if (type === undefined) {
    walk.error('value', 'A relative reference must be Type/id.')
    return undefined
  }
  if (isResourceType(type)) return type
  walk.error('value', 'The reference names a type that FHIR R4 does not have.')
  return undefined
}

function checkType(walk: Walk, type: string, { types }: Targets): void {
  const name = withoutCore(type)
  if (types === null || types.has(name) || !isResourceType(name)) return
  walk.error('structure', `The reference must be to ${[...types].join(' or ')}.`)
}

/** A target that is at hand must conform to one of the profiles for its type. */
function checkTarget(walk: Walk, target: Json, { profiled, targets }: Targets): void {
  if (profiled.length === 0) return
  const type = textOf(target.resourceType)
  if (targets.includes(CORE + type)) return
  const { plans } = walk.settings
  const profiles: ProfilePlan[] = []
  for (const url of profiled) {
    const profile = plans.profile(url)
    if (profile === undefined || profile.error !== null) return
    if (profile.type === type) profiles.push(profile)
  }
  if (profiles.length === 0 || profiles.some((profile) => conformsTo(walk, target, profile))) return
  walk.error('structure', `The target conforms to none of the profiles ${profiles.map(({ url }) => url).join(', ')}.`)
}

function checkExistence(walk: Walk, literal: string): void {
  if (walk.settings.references !== 'check') return
  if (TYPE_AND_ID.test(literal)) walk.error('not-found', 'The resource that the reference means is not known here.')
}

/** Spec: https://hl7.org/fhir/R4/valueset-resource-aggregation-mode.html */
function aggregationCheck(modes: readonly string[]): Check {
  return (walk, value) => {
    const literal = isJson(value) ? value.reference : undefined
    if (typeof literal !== 'string') return
    const place = walk.place as Place
    const mode = modeOf(walk, place, literal)
    if (modes.includes(mode) || (mode === 'bundled' && modes.includes('referenced'))) return
    walk.error('structure', `The target must be ${modes.join(' or ')}, not ${mode}.`)
  }
}

function modeOf(walk: Walk, place: Place, literal: string): 'contained' | 'bundled' | 'referenced' {
  if (literal.startsWith('#')) return 'contained'
  return resolveLocally(walk, place, literal) === undefined ? 'referenced' : 'bundled'
}

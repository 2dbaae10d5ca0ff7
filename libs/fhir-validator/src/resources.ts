import { isResourceType } from '@salus/fhir-model'
import { checkContainment } from './contained.ts'
import { isJson, type Json, textOf } from './definition-source.ts'
import { checkIdentity } from './identity.ts'
import { checkNarrativeLinks } from './narrative.ts'
import type { ValuePlan } from './plan.ts'
import type { ProfilePlan } from './plans.ts'
import { printable } from './printable.ts'
import { containedIndex } from './resolve.ts'
import { RESOURCE_RULES } from './resource-rules.ts'
import { visitObject } from './visit.ts'
import { vitalSignsProfile } from './vital-signs.ts'
import type { Place, Walk } from './walk.ts'

/** Profiles one resource may claim: each is a pass of its own. */
const CLAIMED_MAX = 50

/** Checks a resource within another: contained, an entry of a Bundle, or a parameter. */
export function visitResource(walk: Walk, plan: ValuePlan, resource: Json): void {
  const type = resource.resourceType
  if (typeof type !== 'string' || !isResourceType(type))
    return walk.error('structure', 'Must be a resource with a resourceType that FHIR R4 has.')
  if (plan.resourceTypes.length > 0 && !plan.resourceTypes.includes(type))
    walk.error('structure', `Must be a resource of the type ${plan.resourceTypes.join(' or ')}.`)
  // Only the first pass over the resource around looks at this one for its own sake.
  const repeated = walk.place !== null && walk.place.pass > 0
  enter(walk, resource, plan.contained)
  if (!repeated) checkResource(walk, resource, [])
  checkOneOf(walk, resource, plan.profiles)
  walk.place = walk.place?.outer ?? null
}

/** Goes on within this resource: references and invariants see it and what surrounds it. */
export function enter(walk: Walk, resource: Json, contained: boolean): Place {
  const outer = walk.place
  const isEntry = outer !== null && outer.resource.resourceType === 'Bundle' && !contained
  const place: Place = {
    resource,
    container: contained && outer !== null ? outer.container : resource,
    bundle: isEntry ? outer.resource : contained ? (outer?.bundle ?? null) : null,
    outer,
    depth: walk.depth,
    pass: 0,
    env: null,
    contained,
    ids: null,
  }
  walk.place = place
  return place
}

/** Checks a resource against its type, the profiles asked for, those it claims, and those its codes demand. */
export function checkResource(walk: Walk, resource: Json, wanted: readonly string[]): void {
  const place = walk.place as Place
  const { plans } = walk.settings
  const type = resource.resourceType as string
  const profiles: ProfilePlan[] = []
  for (const canonical of wanted) addWanted(walk, canonical, type, profiles)
  for (const canonical of walk.settings.typeProfiles.get(type) ?? []) addWanted(walk, canonical, type, profiles)
  if (walk.settings.claimedProfiles && resource.meta !== undefined) addClaimed(walk, resource, type, profiles)
  if (type === 'Observation') addVitalSigns(walk, resource, profiles)
  if (profiles.length === 0) visitObject(walk, plans.type(type), resource)
  for (const profile of profiles) {
    visitObject(walk, profile.node, resource)
    place.pass++
  }
  if (place.pass > 1) walk.repeated = true
  place.pass = 0
  checkIdentity(walk, resource)
  // What follows looks at whole resources, recursively.
  if (walk.tooDeep) return
  checkContainment(walk, resource, place)
  checkNarrativeLinks(walk, resource)
  RESOURCE_RULES.get(type)?.(walk, resource)
}

function addWanted(walk: Walk, canonical: string, type: string, into: ProfilePlan[]): void {
  const profile = walk.settings.plans.profile(canonical)
  if (profile === undefined)
    return walk.error('not-found', `The profile${printable.address(canonical)} is not known here.`)
  add(walk, profile, type, into)
}

function add(walk: Walk, profile: ProfilePlan, type: string, into: ProfilePlan[]): void {
  if (profile.error !== null)
    return walk.error('processing', `The profile ${profile.url} cannot be used: ${profile.error}`)
  if (profile.type !== type && !walk.settings.plans.isSubtype(type, profile.type))
    return walk.error('structure', `The profile ${profile.url} is for ${profile.type}, not for ${type}.`)
  if (!into.includes(profile)) into.push(profile)
}

function addClaimed(walk: Walk, resource: Json, type: string, into: ProfilePlan[]): void {
  const { meta } = resource
  if (!isJson(meta) || !Array.isArray(meta.profile)) return
  for (const [place, canonical] of meta.profile.slice(0, CLAIMED_MAX).entries()) {
    if (typeof canonical !== 'string') continue
    const profile = walk.settings.plans.profile(canonical)
    if (profile !== undefined) add(walk, profile, type, into)
    else
      walk.note(
        'warning',
        'not-found',
        `The profile${printable.address(canonical)} is not known here, so it was not checked.`,
        `meta.profile[${place}]`,
      )
  }
}

/** Spec: https://hl7.org/fhir/R4/observation-vitalsigns.html: these profiles hold whether they are claimed or not. */
function addVitalSigns(walk: Walk, resource: Json, into: ProfilePlan[]): void {
  const found = vitalSignsProfile(resource)
  if (found === undefined) return
  const profile = walk.settings.plans.profile(found)
  if (profile === undefined || profile.error !== null || into.includes(profile)) return
  walk.note('information', 'informational', `The codes say that this is a vital sign, so ${found} holds.`)
  into.push(profile)
}

/** Each of the profiles in the list of an element's type is enough. */
function checkOneOf(walk: Walk, resource: Json, canonicals: readonly string[]): void {
  if (canonicals.length === 0) return
  const { plans } = walk.settings
  const profiles = canonicals.map((canonical) => plans.profile(canonical)).filter((one) => one !== undefined)
  if (profiles.length < canonicals.length) {
    if (profiles.length === 0)
      walk.note(
        'warning',
        'not-found',
        `The profile${printable.address(canonicals[0])} that is asked for here is not known.`,
      )
    return
  }
  const [only] = profiles
  if (profiles.length === 1 && only !== undefined) {
    const place = walk.place as Place
    place.pass = 1
    walk.repeated = true
    const list: ProfilePlan[] = []
    add(walk, only, resource.resourceType as string, list)
    for (const profile of list) visitObject(walk, profile.node, resource)
    place.pass = 0
  } else if (!profiles.some((profile) => conformsTo(walk, resource, profile)))
    walk.error('structure', 'It conforms to none of the profiles that are allowed here.')
}

/** Whether a resource conforms to a profile, without reporting why not. */
export function conformsTo(walk: Walk, resource: Json, profile: ProfilePlan): boolean {
  if (profile.error !== null) return false
  const type = textOf(resource.resourceType)
  if (profile.type !== type && !walk.settings.plans.isSubtype(type, profile.type)) return false
  return walk.conforms(resource, profile, () => {
    const outer = walk.place
    const contained = outer !== null && containedIndex(walk, outer.container).get(textOf(resource.id)) === resource
    const place = enter(walk, resource, contained)
    place.pass = 1
    visitObject(walk, profile.node, resource)
    walk.place = outer
  })
}

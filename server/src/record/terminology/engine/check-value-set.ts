import { noteStatus, statusOfResource, statusOfSystem } from './canonical-status.ts'
import { inConceptSet } from './check-concept-set.ts'
import type { Check, CodingIn } from './check-state.ts'
import { chosenVersion } from './choose-version.ts'
import { inferSystem } from './infer-system.ts'
import type { Inquiry } from './inquiry.ts'
import * as messages from './messages.ts'
import { noteRefusedVersion, noteUnknownSystem } from './note-system.ts'
import type { ConceptSet, PreparedValueSet } from './prepare.ts'
import { isObject, objects, text } from './resources.ts'
import { compareVersions, isMoreDetailed } from './versions.ts'

/** Looking into a value set is about the work of looking at so many concepts. */
const VISITS_PER_VALUE_SET = 20

/** Whether a coding is in a value set; undefined when its code system is not there, so that nobody can say. */
export function inValueSet(inquiry: Inquiry, check: Check, coding: CodingIn): Promise<boolean | undefined> {
  const { known } = check.coding
  const found = known.get(check.valueSet) ?? lookIn(inquiry, check, coding)
  known.set(check.valueSet, found)
  return found
}

async function lookIn(inquiry: Inquiry, check: Check, coding: CodingIn): Promise<boolean | undefined> {
  inquiry.spend(VISITS_PER_VALUE_SET)
  const { valueSet } = check
  const system =
    coding.system ?? (inquiry.settings.is('inferSystem') ? await inferred(inquiry, check, coding) : undefined)
  if (system === undefined) {
    if (!inquiry.settings.is('inferSystem')) noteNoSystem(check)
    return false
  }
  if (!valueSet.includes) return inExpansion(inquiry, check, { ...coding, system })
  const isIn = await inIncludes(inquiry, check, { ...coding, system })
  if (isIn !== true) return isIn
  for (const set of valueSet.excludes) if (await isExcluded(inquiry, check, set, { ...coding, system })) return false
  return true
}

function noteNoSystem({ state, path }: Check): void {
  state.tell(messages.NO_SYSTEM)
  state.issues.add({
    severity: 'warning',
    code: 'invalid',
    type: 'invalid-data',
    id: 'Coding_has_no_system__cannot_validate',
    text: messages.NO_SYSTEM,
    path,
  })
}

async function inferred(inquiry: Inquiry, check: Check, coding: CodingIn): Promise<string | undefined> {
  const code = coding.code ?? ''
  const systems = await inferSystem(inquiry, check.valueSet, code)
  if (systems.length === 1) {
    check.state.impliedSystem = systems[0]
    return systems[0]
  }
  const message = messages.cannotInfer(code, check.valueSet.canonical, systems)
  check.state.tell(message)
  check.state.issues.add({
    severity: 'error',
    code: 'not-found',
    type: 'cannot-infer',
    id: systems.length > 1 ? 'Unable_to_resolve_system__value_set_has_multiple_matches' : 'UNABLE_TO_INFER_CODESYSTEM',
    text: message,
    path: 'code',
  })
  return undefined
}

type KnownCoding = CodingIn & { system: string }

async function inIncludes(inquiry: Inquiry, check: Check, coding: KnownCoding): Promise<boolean | undefined> {
  const includes = check.valueSet.includes ?? []
  const picked = coding.version === undefined ? await pickVersion(inquiry, includes, coding) : undefined
  // The newest version of a system that is included more than once speaks first.
  const ordered = includes.toSorted((a, b) =>
    a.system === b.system && a.version !== undefined && b.version !== undefined
      ? compareVersions(b.version, a.version)
      : 0,
  )
  let result: boolean | undefined = false
  for (const set of ordered) {
    result = await inInclude(inquiry, check, set, { coding, picked, includes })
    if (result !== false) return result
  }
  return result
}

async function inInclude(
  inquiry: Inquiry,
  check: Check,
  set: ConceptSet,
  asked: { coding: KnownCoding; picked: string | undefined; includes: readonly ConceptSet[] },
): Promise<boolean | undefined> {
  const { coding, picked, includes } = asked
  if (set.system !== undefined) {
    if (set.system !== coding.system || (picked !== undefined && set.version !== picked)) return false
    if (!speaksOfVersion(set, coding.version, includes)) return false
    const own = await inOwnConcepts(inquiry, check, set, coding)
    if (own !== true) return own
  }
  return inAll(inquiry, check, set.valueSets, coding)
}

/** An include states its version; another include of just that version is the one meant. */
function speaksOfVersion(set: ConceptSet, version: string | undefined, includes: readonly ConceptSet[]): boolean {
  return version === undefined || set.version === version || !includes.some((one) => one.version === version)
}

async function inOwnConcepts(
  inquiry: Inquiry,
  check: Check,
  set: ConceptSet,
  coding: KnownCoding,
): Promise<boolean | undefined> {
  inquiry.spend(VISITS_PER_VALUE_SET)
  const version = await chosenVersion(inquiry, check, {
    system: coding.system,
    stated: set.version,
    given: coding.version,
  })
  const provider = await inquiry.exactSystem(coding.system, version)
  if (!provider) {
    if (inquiry.settings.is('valueset-membership-only')) return false
    await noteUnknownSystem(inquiry, check, coding.system, version)
    return undefined
  }
  noteRefusedVersion(inquiry, check, provider)
  noteStatus(check.state.issues, statusOfSystem(provider.head), statusOfResource(check.valueSet.resource))
  const found = await inConceptSet(inquiry, check, set, { provider, code: coding.code ?? '', isExclude: false })
  if (found) check.coding.version = provider.head.version
  return found
}

/** In each of the value sets: those that one include names are intersected. */
async function inAll(
  inquiry: Inquiry,
  check: Check,
  valueSets: readonly PreparedValueSet[],
  coding: KnownCoding,
): Promise<boolean | undefined> {
  for (const valueSet of valueSets) {
    noteStatus(check.state.issues, statusOfResource(valueSet.resource), statusOfResource(check.valueSet.resource))
    const isIn = await inValueSet(inquiry, { ...check, valueSet }, coding)
    if (isIn !== true) return isIn
  }
  return true
}

async function isExcluded(inquiry: Inquiry, check: Check, set: ConceptSet, coding: KnownCoding): Promise<boolean> {
  if (set.system !== undefined) {
    if (set.system !== coding.system) return false
    const provider = await inquiry.system(set.system, set.version)
    if (!provider) return false
    if (set.version !== undefined && coding.version !== undefined && provider.head.version !== coding.version)
      return false
    const quiet = quietly(check)
    if (!(await inConceptSet(inquiry, quiet, set, { provider, code: coding.code ?? '', isExclude: true }))) return false
  }
  for (const valueSet of set.valueSets)
    if ((await inValueSet(inquiry, { ...quietly(check), valueSet }, coding)) !== true) return false
  return true
}

/** What is excluded is not reported on. */
function quietly(check: Check): Check {
  return { ...check, ...check.coding.unreported }
}

/** A value set that is defined by its expansion alone: http://hl7.org/fhir/R4/valueset.html#expansion */
async function inExpansion(inquiry: Inquiry, check: Check, coding: KnownCoding): Promise<boolean | undefined> {
  const { resource } = check.valueSet
  const expansion = isObject(resource.expansion) ? resource.expansion : undefined
  const waiting = [...objects(expansion, 'contains')]
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    inquiry.spend(1)
    waiting.push(...objects(one, 'contains'))
    if (text(one, 'system') !== coding.system || text(one, 'code') !== coding.code) continue
    const version = text(one, 'version')
    if (version !== undefined && coding.version !== undefined && version !== coding.version) {
      if (!isMoreDetailed(version, coding.version)) continue
    }
    const display = text(one, 'display')
    const provider = await inquiry.system(coding.system, version ?? coding.version)
    const concept = await provider?.find(coding.code ?? '')
    if (provider && concept) check.coding.see(provider, concept)
    else if (display !== undefined)
      check.coding.displays.add([{ language: undefined, use: undefined, value: display, isDisplay: true }])
    check.coding.version = version ?? provider?.head.version
    return true
  }
  return false
}

/** Where several versions are included and the coding names none: the newest that has the code, with its display if it can be. */
async function pickVersion(
  inquiry: Inquiry,
  includes: readonly ConceptSet[],
  coding: KnownCoding,
): Promise<string | undefined> {
  const versions = [...new Set(includes.filter(({ system }) => system === coding.system).map(({ version }) => version))]
    .filter((one): one is string => one !== undefined)
    .sort((a, b) => compareVersions(b, a))
  if (versions.length < 2) return undefined
  const found: string[] = []
  for (const version of versions) {
    const provider = await inquiry.system(coding.system, version)
    const concept = await provider?.find(coding.code ?? '')
    if (!concept) continue
    if (coding.display === undefined || concept.designations.some(({ value }) => value === coding.display))
      found.push(version)
  }
  if (found.length === versions.length) return undefined
  return found[0] ?? versions[0]
}

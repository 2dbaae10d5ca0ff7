import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { eachReference } from './each-reference.ts'
import { type BundleIndex, bundleIndex, entriesMeant } from './resolve.ts'
import type { Walk } from './walk.ts'

/**
 * In a document the Composition's references lead into the Bundle, and every entry can be reached from it. In a message
 * the same holds of the MessageHeader. Spec: https://hl7.org/fhir/R4/documents.html#content
 */
export function checkDocument(walk: Walk, bundle: Json, type: string): void {
  const entries = objectsOf(bundle.entry)
  const [head] = entries
  const resource = head?.resource
  if (head === undefined || !isJson(resource)) return
  const paths = type === 'document' ? COMPOSITION : MESSAGE
  const index = bundleIndex(walk, bundle)
  for (const { reference, path } of ownReferences(resource, paths)) {
    const literal = reference.reference
    if (typeof literal !== 'string' || literal.startsWith('#')) continue
    const found = entriesMeant(index, head, literal).length
    const at = `entry[0].resource.${path}`
    if (found > 1) walk.error('not-found', 'The reference means several entries of the Bundle.', at)
    else if (found === 0 && type === 'document')
      walk.error('not-found', 'The reference means no entry of the Bundle by the rules of fullUrl.', at)
  }
  if (type === 'document') checkReach(walk, index, entries)
}

/** What the specification demands of a document to hold. Spec: https://hl7.org/fhir/R4/documents.html#content */
const COMPOSITION = ['subject', 'encounter', 'author', 'attester.party', 'custodian', 'event.detail', 'section']
const MESSAGE = ['focus']

interface Own {
  reference: Json
  path: string
}

function ownReferences(resource: Json, paths: readonly string[]): Own[] {
  return paths.flatMap((path) => (path === 'section' ? sections(resource, '', 0) : at(resource, path.split('.'), '')))
}

/** Sections within sections; the walk refuses deeper ones. */
const DEPTH_MAX = 50

function sections(parent: Json, path: string, depth: number): Own[] {
  if (depth > DEPTH_MAX) return []
  return objectsOf(parent.section).flatMap((section, place) => {
    const here = `${path}section[${place}].`
    const own = ['author', 'focus', 'entry'].flatMap((name) => at(section, [name], here))
    return [...own, ...sections(section, here, depth + 1)]
  })
}

function at(value: Json, steps: readonly string[], path: string): Own[] {
  const [step, ...rest] = steps
  if (step === undefined) return [{ reference: value, path: path.slice(0, -1) }]
  const child = value[step]
  if (Array.isArray(child)) return objectsOf(child).flatMap((one, place) => at(one, rest, `${path}${step}[${place}].`))
  return isJson(child) ? at(child, rest, `${path}${step}.`) : []
}

function checkReach(walk: Walk, index: BundleIndex, entries: readonly Json[]): void {
  const links = new Map<Json, Json[]>(entries.map((entry) => [entry, []]))
  const back = new Map<Json, Json[]>(entries.map((entry) => [entry, []]))
  for (const entry of entries)
    eachReference(entry.resource, (literal) => {
      for (const target of entriesMeant(index, entry, literal)) {
        links.get(entry)?.push(target)
        back.get(target)?.push(entry)
      }
    })
  const forward = reached(entries, (entry) => links.get(entry) ?? [])
  const both = reached(entries, (entry) => [...(links.get(entry) ?? []), ...(back.get(entry) ?? [])])
  for (const [place, entry] of entries.entries()) {
    if (forward.has(entry)) continue
    if (!both.has(entry))
      walk.error('structure', 'The entry cannot be reached from the Composition.', `entry[${place}]`)
    else if (!isJson(entry.resource) || textOf(entry.resource.resourceType) !== 'Provenance')
      walk.note(
        'warning',
        'structure',
        'The entry can be reached from the Composition only backwards.',
        `entry[${place}]`,
      )
  }
}

function reached(entries: readonly Json[], next: (entry: Json) => readonly Json[]): Set<Json> {
  const seen = new Set<Json>(entries.slice(0, 1))
  // A set may grow while it is walked: each entry is visited once.
  for (const entry of seen) for (const target of next(entry)) seen.add(target)
  return seen
}

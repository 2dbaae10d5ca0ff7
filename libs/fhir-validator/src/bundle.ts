import { checkDocument } from './bundle-document.ts'
import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { urnProblem } from './urls.ts'
import type { Walk } from './walk.ts'

/** What a Bundle must fulfil beyond its definition and invariants. Spec: https://hl7.org/fhir/R4/bundle.html */
export function checkBundle(walk: Walk, bundle: Json): void {
  const type = textOf(bundle.type)
  const entries = objectsOf(bundle.entry)
  for (const [place, entry] of entries.entries()) checkFullUrl(walk, entry, type, place)
  if (type === 'searchset') checkSearchSet(walk, bundle, entries)
  const first = FIRST[type]
  if (first === undefined) return
  const [head] = entries
  const resource = head?.resource
  if (isJson(resource) && resource.resourceType === first) {
    checkDocument(walk, bundle, type)
  } else if (entries.length > 0) walk.error('structure', `The first entry of a ${type} must be a ${first}.`, 'entry[0]')
  else walk.error('required', `A ${type} must have entries, the first with a ${first}.`)
}

const FIRST: Readonly<Record<string, string>> = { document: 'Composition', message: 'MessageHeader' }

/** In these Bundles an entry may be about to be made, so that it has no address yet. */
const WITHOUT_URL = new Set(['transaction', 'batch', 'transaction-response', 'batch-response'])

function checkFullUrl(walk: Walk, entry: Json, type: string, place: number): void {
  const { fullUrl, resource } = entry
  const at = `entry[${place}]`
  if (typeof fullUrl !== 'string') {
    const isOutcome = isJson(entry.search) && entry.search.mode === 'outcome'
    if (isJson(resource) && !WITHOUT_URL.has(type) && !isOutcome)
      walk.error('required', 'The entry has no fullUrl.', at)
    return
  }
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(fullUrl)) return walk.error('value', 'A fullUrl must be absolute.', at)
  const problem = urnProblem(fullUrl)
  if (problem !== null) walk.error('value', problem, at)
  const id = isJson(resource) ? resource.id : undefined
  if (typeof id === 'string' && /^https?:/.test(fullUrl) && !fullUrl.endsWith(`/${id}`))
    walk.error('value', 'The fullUrl does not end with the id of the resource.', at)
}

function checkSearchSet(walk: Walk, { link }: Json, entries: readonly Json[]): void {
  if (!objectsOf(link).some(({ relation }) => relation === 'self'))
    walk.note('warning', 'business-rule', 'A searchset should have a self link that says what was searched.')
  if (entries.some(({ search }) => !isJson(search) || search.mode === undefined))
    walk.note('warning', 'business-rule', 'The entries of a searchset should have a search mode.')
}

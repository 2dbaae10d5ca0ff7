import type { Resource } from '../../store/write-request.ts'
import type { PatchStep } from './reference-pointers.ts'

interface Link {
  other?: { reference?: unknown }
  type?: unknown
}

function linksOf(patient: Resource): Link[] {
  return Array.isArray(patient.link) ? (patient.link as Link[]) : []
}

/** Address of the patient that replaced this one; undefined when none did. */
export function replacedBy(patient: Resource): string | undefined {
  const reference = linksOf(patient).find(({ type }) => type === 'replaced-by')?.other?.reference
  return typeof reference === 'string' ? reference : undefined
}

/** Steps that add a link; none when it is there. http://hl7.org/fhir/R4/patient.html#links */
export function linkSteps(patient: Resource, other: string, type: 'replaces' | 'replaced-by'): PatchStep[] {
  const links = linksOf(patient)
  if (links.some((link) => link.type === type && link.other?.reference === other)) return []
  return [{ op: 'add', path: '/link', value: [...links, { other: { reference: other }, type }] }]
}

/** Steps that take a link away. */
export function unlinkSteps(patient: Resource, other: string, type: 'replaces' | 'replaced-by'): PatchStep[] {
  const links = linksOf(patient)
  const left = links.filter((link) => link.type !== type || link.other?.reference !== other)
  if (left.length === links.length) return []
  return [left.length > 0 ? { op: 'add', path: '/link', value: left } : { op: 'remove', path: '/link' }]
}

/** Steps that give `active` the value it had; undefined: it was not there. */
export function activeSteps(patient: Resource, value: unknown): PatchStep[] {
  if (patient.active === value) return []
  return [value === undefined ? { op: 'remove', path: '/active' } : { op: 'add', path: '/active', value }]
}

import type { Walk } from './walk.ts'

const EXAMPLE =
  /^https?:\/\/(?:[\w-]+\.)*example\.(?:org|com)(?:[/:?#]|$)|^https?:\/\/(?:[\w-]+\.)*acme\.com(?:[/:?#]|$)/

/** Reports a URL of a domain that stands for an example, where those are not wanted; true when it did. */
export function reportExampleUrl(walk: Walk, url: string, below = ''): boolean {
  if (!EXAMPLE.test(url)) return false
  walk.error('business-rule', 'Example URLs are not allowed in this context.', below)
  return true
}

export const isAbsolute = (url: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:\S/.test(url)

const UUID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/

/** What is wrong with a urn; null when it is right or none. Spec: https://hl7.org/fhir/R4/datatypes.html#uri */
export function urnProblem(url: string): string | null {
  if (url.startsWith('urn:uuid:')) return UUID.test(url) ? null : 'UUIDs must be complete and in lower case.'
  if (url.startsWith('urn:oid:')) return OID.test(url) ? null : 'OIDs must be numbers with dots between them.'
  return null
}

/**
 * What of a resource may stand in the text of a finding. Findings end in logs, tickets and tables, so they hold no value of the
 * resource; but which definition a resource asks for is no data about a person, and without it nobody knows what to install.
 */
export const printable = {
  /** ` https://host/path` for the address of a definition; empty for anything else. With a blank before it, to stand in a sentence. */
  address(value: unknown): string {
    const address = addressOf(value)
    return address === '' ? '' : ` ${address}`
  },
  /** A key or the path of an element, where it looks like one; else the words given. */
  identifier(value: unknown, otherwise: string): string {
    return typeof value === 'string' && IDENTIFIER.test(value) ? value : otherwise
  },
}

/** Longer ones are no addresses of anything that people publish. */
const CHARS_MAX = 200
const IDENTIFIER = /^[A-Za-z][A-Za-z0-9_-]{0,63}(?:\[x\])?(?:[.:][A-Za-z0-9_-]{1,64}(?:\[x\])?){0,20}$/
/** Host and path: no name of a user, no blanks, no percent signs that could spell anything. */
const WEB = /^https?:\/\/[A-Za-z0-9.-]{1,100}(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]{0,100})*(?=[?#|]|$)/
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/
/** No definition lies there, but records of people do. */
const OF_PEOPLE = /\/(?:Patient|Person|RelatedPerson|Practitioner)\//i

/** Scheme, host and path: query, fragment and version could hold anything. */
function addressOf(value: unknown): string {
  if (typeof value !== 'string' || value.length > CHARS_MAX || OF_PEOPLE.test(value)) return ''
  return OID.test(value) ? value : (WEB.exec(value)?.[0] ?? '')
}

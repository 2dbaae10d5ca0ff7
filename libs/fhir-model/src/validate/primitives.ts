import { DAY, isTime, readTemporal, SECOND, temporal } from '../structure/temporal.ts'
import type { IssueCode, Problem } from './issue.ts'
import { isMarkup, isMarkupClean } from './xhtml.ts'

/** Null when the value is of the type. */
export type PrimitiveCheck = (value: unknown) => Problem | null

/** Longest string in characters: the specification says 1 MB. Spec: https://hl7.org/fhir/R4/datatypes.html#string */
const STRING_LENGTH_MAX = 1_048_576
const INTEGER_MAX = 2_147_483_647

const problem = (code: IssueCode, message: string): Problem => ({ code, message })

const NOT_A_STRING = problem('structure', 'Must be a JSON string.')
const NOT_A_BOOLEAN = problem('structure', 'Must be true or false, without quotes.')
const NOT_A_NUMBER = problem('structure', 'Must be a JSON number, without quotes.')
const EMPTY = problem('value', 'Must not be empty.')
const TOO_LONG = problem('too-long', 'Longer than 1 MB.')
const CONTROL = problem(
  'value',
  'Holds a control character other than tab, carriage return and line feed, half a surrogate pair, or U+FFFE or U+FFFF.',
)

// oxlint-disable-next-line no-control-regex -- finding them is the point
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** What XML cannot carry is no content of FHIR, in whichever format it comes: https://www.w3.org/TR/xml/#charsets */
function isPlainText(value: string): boolean {
  return !CONTROL_CHARACTER.test(value) && value.isWellFormed()
}

function stringProblem(value: unknown): Problem | null {
  if (typeof value !== 'string') return NOT_A_STRING
  if (value.length === 0) return EMPTY
  if (value.length > STRING_LENGTH_MAX) return TOO_LONG
  return isPlainText(value) ? null : CONTROL
}

/** A string type that is described by a regular expression without nested repetition. */
function matching(pattern: RegExp, message: string): PrimitiveCheck {
  const mismatch = problem('value', message)
  return (value) => {
    if (typeof value !== 'string') return NOT_A_STRING
    if (value.length === 0) return EMPTY
    if (value.length > STRING_LENGTH_MAX) return TOO_LONG
    if (!pattern.test(value)) return mismatch
    return isPlainText(value) ? null : CONTROL
  }
}

function integer(lowest: number, message: string): PrimitiveCheck {
  const mismatch = problem('value', message)
  return (value) => {
    if (typeof value !== 'number') return NOT_A_NUMBER
    return Number.isInteger(value) && value >= lowest && value <= INTEGER_MAX ? null : mismatch
  }
}

const INFINITE = problem('value', 'Must be a number that a 64-bit float can hold.')

function decimalProblem(value: unknown): Problem | null {
  if (typeof value !== 'number') return NOT_A_NUMBER
  return Number.isFinite(value) ? null : INFINITE
}

function moment(least: number, most: number, message: string): PrimitiveCheck {
  const mismatch = problem('value', message)
  return (value) => {
    if (typeof value !== 'string') return NOT_A_STRING
    return readTemporal(value) && temporal.precision >= least && temporal.precision <= most ? null : mismatch
  }
}

const NOT_A_TIME = problem('value', 'Must be a time: hh:mm:ss, with an optional fraction and without a zone.')
const NOT_BASE64 = problem('value', 'Must be base64.')

/** A loop and not a regular expression: those overflow their stack on attachments of megabytes. */
function base64Problem(value: unknown): Problem | null {
  if (typeof value !== 'string') return NOT_A_STRING
  let data = 0
  let padding = 0
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code === 61) padding++
    else if (code === 32 || code === 9 || code === 10 || code === 13) continue
    else if (padding > 0 || !isBase64Character(code)) return NOT_BASE64
    else data++
  }
  if (data === 0) return EMPTY
  return padding <= 2 && (data + padding) % 4 === 0 ? null : NOT_BASE64
}

function isBase64Character(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 43 ||
    code === 47
  )
}

const NO_DIV = problem('value', 'Must be XHTML in one div element, with every tag closed and every & escaped.')
const ACTIVE = problem('value', 'Must hold no script, event handler, form, frame, style sheet or other active content.')

/** Its length is not limited by the specification, only by what a request may hold. */
function xhtmlProblem(value: unknown): Problem | null {
  if (typeof value !== 'string') return NOT_A_STRING
  if (!isPlainText(value)) return CONTROL
  if (!isMarkup(value)) return NO_DIV
  return isMarkupClean(value) ? null : ACTIVE
}

const URI = matching(/^\S+$/, 'Must be a URI, without white space.')

/** Checks by primitive type. Spec: https://hl7.org/fhir/R4/datatypes.html#primitive */
export const PRIMITIVE_CHECKS: Readonly<Record<string, PrimitiveCheck>> = {
  base64Binary: base64Problem,
  boolean: (value) => (typeof value === 'boolean' ? null : NOT_A_BOOLEAN),
  canonical: URI,
  code: matching(/^\S+(?:[ \t\r\n]\S+)*$/, 'Must be a code: no white space around it, and single blanks only in it.'),
  date: moment(1, DAY, 'Must be a date that exists: YYYY, YYYY-MM or YYYY-MM-DD.'),
  dateTime: moment(1, SECOND, 'Must be YYYY, YYYY-MM, YYYY-MM-DD, or a date and time with seconds and time zone.'),
  decimal: decimalProblem,
  id: matching(/^[A-Za-z0-9\-.]{1,64}$/, 'Must be 1 to 64 letters, digits, hyphens or dots.'),
  instant: moment(SECOND, SECOND, 'Must be YYYY-MM-DDThh:mm:ss with a time zone.'),
  integer: integer(-INTEGER_MAX - 1, 'Must be a whole number of 32 bits.'),
  markdown: stringProblem,
  oid: matching(/^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/, 'Must be an OID: urn:oid:1.2.3.'),
  positiveInt: integer(1, 'Must be a whole number from 1 to 2147483647.'),
  string: stringProblem,
  time: (value) => (typeof value !== 'string' ? NOT_A_STRING : isTime(value) ? null : NOT_A_TIME),
  unsignedInt: integer(0, 'Must be a whole number from 0 to 2147483647.'),
  uri: URI,
  url: URI,
  uuid: matching(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
    'Must be a UUID: urn:uuid: and 32 hexadecimal digits in groups.',
  ),
  xhtml: xhtmlProblem,
}

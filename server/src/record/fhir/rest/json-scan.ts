import { type Fault, fail, ok, type Result } from '#kernel'

/** What one pass over the bytes tells before anything is parsed. */
export interface JsonScan {
  /** Members of all objects; more than the parsed object has means that a key came twice. */
  members: number
  /** A number that JSON.parse would change when written again: `1.50`, `1e3`, more digits than a binary64 keeps. */
  lossyNumbers: boolean
  /** For a Bundle: byte range [start, end) of each `entry[i].resource`, in order; -1 where an entry has none. */
  entries: EntrySpan[]
}

export interface EntrySpan {
  start: number
  end: number
  members: number
  lossyNumbers: boolean
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const COLON = 0x3a
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const ENTRY = Buffer.from('entry')
const RESOURCE = Buffer.from('resource')
/** Digits a binary64 keeps whatever they are. */
const SAFE_DIGITS = 15
const TOO_DEEP: Fault = {
  category: 'invalid',
  code: 'fhir.json.too-deep',
  message: 'The JSON is nested deeper than 100 levels. Flatten it.',
}

/**
 * Scan UTF-8 JSON once: depth, member count, numbers whose written form matters (FHIR decimals keep their precision,
 * http://hl7.org/fhir/R4/json.html#decimal) and where the resources of a Bundle's entries lie.
 * About 1 ns per byte. It does not check the syntax; JSON.parse does.
 */
export function scanJson(bytes: Buffer, depthMax: number): Result<JsonScan> {
  const scan: JsonScan = { members: 0, lossyNumbers: false, entries: [] }
  const length = bytes.length
  let depth = 0
  let inEntries = false
  let keyStart = 0
  let keyEnd = 0
  let span: EntrySpan | undefined
  let membersBefore = 0
  for (let i = 0; i < length; i++) {
    const byte = bytes[i] as number
    if (byte === QUOTE) {
      keyStart = i + 1
      i = endOfString(bytes, i + 1)
      keyEnd = i
    } else if (byte === COLON) {
      scan.members++
      if (depth === 1) inEntries = equals(bytes, keyStart, keyEnd, ENTRY)
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > depthMax) return fail(TOO_DEEP)
      if (!inEntries || byte === OPEN_ARRAY) continue
      if (depth === 3) scan.entries.push({ start: -1, end: -1, members: 0, lossyNumbers: false })
      else if (depth === 4 && !span && equals(bytes, keyStart, keyEnd, RESOURCE)) {
        span = scan.entries[scan.entries.length - 1]
        if (span && span.start < 0) {
          span.start = i
          membersBefore = scan.members
        } else span = undefined
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--
      if (span && depth === 3) {
        span.end = i + 1
        span.members = scan.members - membersBefore
        span = undefined
      }
    } else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      const end = endOfNumber(bytes, i)
      if (isLossy(bytes, i, end)) {
        scan.lossyNumbers = true
        if (span) span.lossyNumbers = true
      }
      i = end - 1
    }
  }
  return ok(scan)
}

/** Index of the closing quote. `from` is the first byte after the opening one. */
function endOfString(bytes: Buffer, from: number): number {
  let i = from
  const length = bytes.length
  for (; i < length; i++) {
    const byte = bytes[i]
    if (byte === BACKSLASH) i++
    else if (byte === QUOTE) return i
  }
  return length
}

function endOfNumber(bytes: Buffer, from: number): number {
  let i = from + 1
  for (; i < bytes.length; i++) {
    const byte = bytes[i] as number
    const part =
      (byte >= ZERO && byte <= NINE) ||
      byte === DOT ||
      byte === MINUS ||
      byte === 0x2b ||
      byte === 0x65 ||
      byte === 0x45
    if (!part) break
  }
  return i
}

function isLossy(bytes: Buffer, start: number, end: number): boolean {
  if (isSafe(bytes, start, end)) return false
  const text = bytes.toString('latin1', start, end)
  return String(Number(text)) !== text
}

/** Plain numbers of few digits come back as they were, which need not be tried. */
function isSafe(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SAFE_DIGITS || bytes[end - 1] === ZERO) return false
  // -0 becomes 0; a tiny plain decimal such as 0.0000001 would come back with an exponent.
  if (bytes[start] === MINUS || bytes[start] === ZERO) return false
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte !== DOT && (byte < ZERO || byte > NINE)) return false
  }
  return true
}

function equals(bytes: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) return false
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return false
  return true
}

import { LIMITS } from '#kernel'
import { damaged, shown } from './package-faults.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** JSON of an entry, in UTF-8, nested no deeper than a request's body may be. Fault `definitions.package.damaged`. */
export function parseJson(name: string, bytes: Buffer): unknown {
  if (isTooDeep(bytes)) damaged(`${shown(name)} is nested deeper than ${LIMITS.jsonDepthMax} levels`)
  try {
    // Takes a byte order mark away; bytes that are no UTF-8 are an error.
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    // The parser's own message quotes the file.
    return damaged(`${shown(name)} is not JSON in UTF-8`, error)
  }
}

/** Looked at before parsing: what comes after would recurse as deep. */
function isTooDeep(bytes: Buffer): boolean {
  let depth = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > LIMITS.jsonDepthMax) return true
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return false
}

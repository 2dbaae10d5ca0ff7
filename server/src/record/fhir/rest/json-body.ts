import { isUtf8 } from 'node:buffer'
import { type Fault, fail, LIMITS, ok, type Result } from '#kernel'
import { DOUBLE_KEY } from '../validate/check-resource.ts'
import { type JsonScan, scanJson } from './json-scan.ts'

/** A parsed body together with what is needed to store it exactly as it was written. */
export interface JsonBody {
  value: Record<string, unknown>
  scan: JsonScan
  bytes: Buffer
}

/**
 * Parse a JSON body of at most `LIMITS.bundleBytesMax` (the HTTP layer refuses longer ones earlier).
 * Faults: `fhir.json.not-utf8`, `fhir.json.too-deep`, `fhir.json.syntax`, `fhir.json.not-an-object`; none quotes the body.
 */
export function parseJsonBody(bytes: Buffer): Result<JsonBody> {
  if (!isUtf8(bytes)) return fail(NOT_UTF8)
  const start =
    bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
  const scan = scanJson(start, LIMITS.jsonDepthMax)
  if (!scan.ok) return scan
  let value: unknown
  try {
    value = JSON.parse(start.toString('utf8'))
  } catch {
    return fail(SYNTAX)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(NOT_AN_OBJECT)
  return ok({ value: value as Record<string, unknown>, scan: scan.value, bytes: start })
}

/**
 * Parse a JSON Patch, which is an array and no resource; `exact` when numbers would lose their written form.
 * Faults: those of `parseJsonBody`, and `fhir.json.double-key`.
 */
export function parseJsonPatch(bytes: Buffer): Result<{ body: unknown; exact?: unknown }> {
  // Wrapped, it passes the same scan as every other body.
  const wrapped = parseJsonBody(Buffer.concat([Buffer.from('{"patch":'), bytes, Buffer.from('}')]))
  if (!wrapped.ok) return wrapped
  const { value, scan, bytes: text } = wrapped.value
  if (countMembers(value) !== scan.members) return fail(DOUBLE_KEY)
  if (Object.keys(value).length !== 1) return fail(SYNTAX)
  return ok({ body: value.patch, ...(scan.lossyNumbers ? { exact: parseExactly(text).patch } : {}) })
}

/** Members of all objects in a parsed body; fewer than the scan counted when a key came twice. */
export function countMembers(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 0
  const children = Object.values(node)
  return children.reduce((sum: number, child) => sum + countMembers(child), Array.isArray(node) ? 0 : children.length)
}

/** The same value, with each number that would lose its written form kept as raw text (`1.50` stays `1.50`). */
export function parseExactly(bytes: Buffer): Record<string, unknown> {
  const reviver = keepNumberText as (key: string, value: unknown) => unknown
  return JSON.parse(bytes.toString('utf8'), reviver) as Record<string, unknown>
}

function keepNumberText(_key: string, value: unknown, context: { source: string }): unknown {
  if (typeof value !== 'number' || String(value) === context.source) return value
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context.source)
}

const NOT_UTF8: Fault = {
  category: 'invalid',
  code: 'fhir.json.not-utf8',
  message: 'The body is not valid UTF-8. Send application/fhir+json encoded as UTF-8.',
}
const SYNTAX: Fault = {
  category: 'invalid',
  code: 'fhir.json.syntax',
  message: 'The body is not valid JSON. Check it with a JSON parser.',
}
const NOT_AN_OBJECT: Fault = {
  category: 'invalid',
  code: 'fhir.json.not-an-object',
  message: 'The body must be one JSON object: a FHIR resource.',
}

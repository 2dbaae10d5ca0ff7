import { createHash } from 'node:crypto'
import type { Resource } from '../store/write-request.ts'

/** Characters of a question that the audit keeps: a query or a person's data; of a longer one it keeps the digest. */
const QUESTION_CHARS_MAX = 4_096

/** What was asked of an operation in a body, for the sealed detail of its audit record: an answer that names nobody has no other trace. */
export function questionText(name: string, parameters: Resource): string {
  const text = JSON.stringify(parameters.parameter)
  if (text.length <= QUESTION_CHARS_MAX) return `$${name} ${text}`
  return `$${name} sha256:${createHash('sha256').update(text).digest('hex')} of ${text.length} characters`
}

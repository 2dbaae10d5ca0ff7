import type { FunctionTable } from './function-table.ts'
import { onText } from './functions-string.ts'
import { EMPTY, type Items } from './item.ts'

/** `encode`, `decode`, `escape` and `unescape` (http://hl7.org/fhirpath/N1/#additional-string-functions). */
export const textCodingFunctions: FunctionTable = {
  encode: onText(1, (text, [format], run, at) => {
    run.spend(text.length, at)
    const bytes = new TextEncoder().encode(text)
    switch (format) {
      case 'hex':
        return [Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')]
      case 'base64':
        return [btoa(binary(bytes))]
      case 'urlbase64':
        return [btoa(binary(bytes)).replaceAll('+', '-').replaceAll('/', '_')]
      default:
        return EMPTY
    }
  }),
  decode: onText(1, (text, [format], run, at) => {
    run.spend(text.length, at)
    switch (format) {
      case 'hex':
        return /^(?:[0-9a-fA-F]{2})*$/.test(text)
          ? decoded((text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)))
          : EMPTY
      case 'base64':
        return fromBase64(text)
      case 'urlbase64':
        return fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
      default:
        return EMPTY
    }
  }),
  escape: onText(1, (text, [target], run, at) => {
    run.spend(text.length, at)
    if (target === 'html') return [text.replace(/[&<>"']/g, (char) => HTML[char] as string)]
    return target === 'json' ? [JSON.stringify(text).slice(1, -1)] : EMPTY
  }),
  unescape: onText(1, (text, [target], run, at) => {
    run.spend(text.length, at)
    if (target === 'html') return [text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => PLAIN[entity] as string)]
    return target === 'json' ? fromJson(text) : EMPTY
  }),
}

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const PLAIN = Object.fromEntries(Object.entries(HTML).map(([char, entity]) => [entity, char]))

function binary(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function fromBase64(text: string): Items {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1) return EMPTY
  return decoded(Array.from(atob(text), (char) => char.charCodeAt(0)))
}

function decoded(bytes: number[]): Items {
  return [new TextDecoder().decode(Uint8Array.from(bytes))]
}

function fromJson(text: string): Items {
  try {
    const value: unknown = JSON.parse(`"${text.replace(/\\[\s\S]|"/g, (part) => (part === '"' ? '\\"' : part))}"`)
    return typeof value === 'string' ? [value] : EMPTY
  } catch {
    return EMPTY
  }
}

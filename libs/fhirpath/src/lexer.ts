import { FhirPathError } from './fhirpath-error.ts'

export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'date' | 'dateTime' | 'time' | 'symbol' | 'end'

export interface Token {
  kind: TokenKind
  /** The decoded text: without quotes, escapes and `@`. */
  text: string
  at: number
}

/**
 * Splits an expression into tokens; the last one is always `end`.
 * Comments and white space are dropped. Throws `FhirPathError` (`syntax`) at the first character that starts no token.
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    at = skipBlank(source, at)
    if (at >= source.length) break
    at = readToken(source, at, tokens)
  }
  tokens.push({ kind: 'end', text: '', at: source.length })
  return tokens
}

const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /[0-9]+(?:\.[0-9]+)?/y
const TIME = /@T([0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)/y
const DATE_TIME =
  /@([0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)/y
const DATE = /@([0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?)/y
const SYMBOL = /!=|!~|<=|>=|\$this|\$index|\$total|[.()[\]{},|&+\-*/<>=~%]/y

const WORDS: readonly Pattern[] = [['word', WORD]]
const NUMBERS: readonly Pattern[] = [['number', NUMBER]]
const SYMBOLS: readonly Pattern[] = [['symbol', SYMBOL]]
const TIMES: readonly Pattern[] = [
  ['time', TIME],
  ['dateTime', DATE_TIME],
  ['date', DATE],
]

type Pattern = readonly [TokenKind, RegExp]

/** The first character says which kinds of token there can be. */
function patternsFor(first: string): readonly Pattern[] {
  if (first === '@') return TIMES
  if (first >= '0' && first <= '9') return NUMBERS
  return (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first === '_' ? WORDS : SYMBOLS
}

function readToken(source: string, at: number, tokens: Token[]): number {
  const first = source.charAt(at)
  if (first === "'") return readQuoted(source, at, 'string', tokens)
  if (first === '`') return readQuoted(source, at, 'quoted', tokens)
  for (const [kind, pattern] of patternsFor(first)) {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match === null) continue
    tokens.push({ kind, text: match[1] ?? match[0], at })
    return pattern.lastIndex
  }
  throw new FhirPathError('syntax', 'unexpected character', at)
}

const ESCAPES: Record<string, string> = { f: '\f', n: '\n', r: '\r', t: '\t' }
const FOUR_HEX = /^[0-9A-Fa-f]{4}$/

/** Reads a string or a delimited identifier. A backslash before an unlisted character is dropped, as the grammar says. */
function readQuoted(source: string, start: number, kind: 'string' | 'quoted', tokens: Token[]): number {
  const quote = source[start]
  let text = ''
  let at = start + 1
  while (at < source.length) {
    const char = source[at] as string
    if (char === quote) {
      tokens.push({ kind, text, at: start })
      return at + 1
    }
    if (char !== '\\') {
      text += char
      at += 1
      continue
    }
    const escaped = source[at + 1] ?? ''
    if (escaped === 'u') {
      const hex = source.slice(at + 2, at + 6)
      if (!FOUR_HEX.test(hex)) throw new FhirPathError('syntax', '\\u needs four hexadecimal digits', at)
      text += String.fromCharCode(Number.parseInt(hex, 16))
      at += 6
    } else {
      text += ESCAPES[escaped] ?? escaped
      at += 2
    }
  }
  throw new FhirPathError('syntax', 'the quote opened here is not closed', start)
}

function skipBlank(source: string, start: number): number {
  let at = start
  for (;;) {
    const char = source[at]
    if (char === ' ' || char === '\t' || char === '\r' || char === '\n') at += 1
    else if (char === '/' && source[at + 1] === '/') at = lineEnd(source, at)
    else if (char === '/' && source[at + 1] === '*') at = commentEnd(source, at)
    else return at
  }
}

function lineEnd(source: string, at: number): number {
  const end = source.indexOf('\n', at)
  return end === -1 ? source.length : end + 1
}

function commentEnd(source: string, at: number): number {
  const end = source.indexOf('*/', at + 2)
  if (end === -1) throw new FhirPathError('syntax', 'the comment opened here is not closed', at)
  return end + 2
}

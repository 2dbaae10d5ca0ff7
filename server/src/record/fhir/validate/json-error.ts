/** Where a text stops being JSON. */
export interface JsonPlace {
  /** From 1. */
  line: number
  /** In characters, from 1. */
  column: number
}

/**
 * The place of the first error in a text that `JSON.parse` refuses; undefined when none is found. What the engine itself says quotes
 * the text, and names no place for some errors. A broken text or number is found at its beginning. Does not recurse.
 */
export function jsonErrorPlace(text: string): JsonPlace | undefined {
  const at = errorAt(text)
  if (at === undefined) return undefined
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}

const BLANK = /[ \t\n\r]*/y
/** Written without alternatives in the loop, which would be tried one after the other for every character. */
const TEXT = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"/y
const PLAIN = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y

/** What may come next; `first-` where the list or object may end at once as well. */
type Expected = 'value' | 'first-value' | 'key' | 'first-key' | 'colon' | 'end'

function errorAt(text: string): number | undefined {
  const open: string[] = []
  let expected: Expected = 'value'
  let at = 0
  const read = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  for (;;) {
    read(BLANK)
    const char = text[at]
    const closing = expected === 'end' || expected.startsWith('first-')
    if (expected === 'end' && open.length === 0) return char === undefined ? undefined : at
    if (closing && char !== undefined && char === open.at(-1)) {
      open.pop()
      at++
      expected = 'end'
    } else if (expected === 'end') {
      if (char !== ',') return at
      at++
      expected = open.at(-1) === '}' ? 'key' : 'value'
    } else if (expected === 'colon') {
      if (char !== ':') return at
      at++
      expected = 'value'
    } else if (expected === 'key' || expected === 'first-key') {
      if (!read(TEXT)) return at
      expected = 'colon'
    } else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']')
      at++
      expected = char === '{' ? 'first-key' : 'first-value'
    } else if (read(TEXT) || read(PLAIN)) expected = 'end'
    else return at
  }
}

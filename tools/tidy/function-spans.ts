import type { Source } from './source.ts'

export interface FunctionSpan {
  name: string
  start: number
  end: number
}

/** Words whose parenthesis is followed by a block that is no function. */
const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await'])
/** Words that end a type annotation's place: the brace after them opens a block. */
const NOT_A_TYPE = new Set(['try', 'do', 'else', 'finally', 'return', 'throw', 'new', 'yield', 'await'])
const TYPE_OPERATORS = new Set(['keyof', 'typeof', 'readonly', 'asserts', 'unique', 'infer', 'import'])
const WANTS_OPERAND = new Set(['|', '&', '<', ',', ':', '?', '.'])
const ENDS_TYPE = new Set([';', '=', ')', '}', ']'])
/** Callbacks that group tests, not steps. */
const NAME_CHARACTERS_MAX = 300
const GROUPS = /\b(?:describe|suite)\s*\($/

/**
 * Functions, methods and arrow functions with a block body, found by their brackets.
 * Functions inside functions are listed too; callbacks of `describe` are not.
 */
export function functionsOf(source: Source): FunctionSpan[] {
  const { code } = source
  const pairs = matchBrackets(code)
  const spans: FunctionSpan[] = []
  for (const [open, close] of pairs) {
    if (code[open] !== '(') continue
    const body = bodyAfter(code, close, pairs)
    if (body === undefined) continue
    const start = startOf(code, open)
    if (start === undefined || isGroup(code, open)) continue
    spans.push({ name: nameBefore(code, open), start, end: pairs.get(body) ?? code.length })
  }
  return spans
}

function isGroup(code: string, open: number): boolean {
  const before = code.slice(Math.max(0, open - NAME_CHARACTERS_MAX), open)
  return GROUPS.test(before.replace(/['`"][^'`"]*['`"],\s*(?:async\s*)?$/, ''))
}

function matchBrackets(code: string): Map<number, number> {
  const pairs = new Map<number, number>()
  const open: number[] = []
  for (let at = 0; at < code.length; at++) {
    const char = code[at]
    if (char === '(' || char === '{' || char === '[') open.push(at)
    else if (char === ')' || char === '}' || char === ']') {
      const start = open.pop()
      if (start !== undefined) pairs.set(start, at)
    }
  }
  return pairs
}

/** Offset of the brace that opens the body of the function whose parameters end at `close`; undefined: no function. */
function bodyAfter(code: string, close: number, pairs: Map<number, number>): number | undefined {
  let at = skipSpace(code, close + 1)
  if (code[at] === '{') return at
  if (code.startsWith('=>', at)) {
    at = skipSpace(code, at + 2)
    return code[at] === '{' ? at : undefined
  }
  return code[at] === ':' ? bodyAfterType(code, at + 1, pairs) : undefined
}

/** Walk over a return type: a brace belongs to the type while the type still wants an operand. */
function bodyAfterType(code: string, from: number, pairs: Map<number, number>): number | undefined {
  let wantsOperand = true
  for (let at = from; at < code.length; at++) {
    const char = code[at] ?? ''
    if (/\s/.test(char)) continue
    if (char === '{' && !wantsOperand) return at
    if (char === '(' && !wantsOperand) return undefined
    if (char === '{' || char === '(' || char === '[') {
      at = pairs.get(at) ?? code.length
      wantsOperand = false
    } else if (code.startsWith('=>', at)) {
      const next = skipSpace(code, at + 2)
      if (code[next] === '{') return next
      at++
      wantsOperand = true
    } else if (WANTS_OPERAND.has(char)) wantsOperand = true
    else if (ENDS_TYPE.has(char)) return undefined
    else if (/[\w$]/.test(char)) {
      const word = /^[\w$]+/.exec(code.slice(at, at + 80))?.[0] ?? char
      const joins = word === 'is' || word === 'extends'
      // Two operands side by side: the type has ended and a statement begins, so this was no return type.
      if (NOT_A_TYPE.has(word) || (!wantsOperand && !joins)) return undefined
      at += word.length - 1
      wantsOperand = joins || TYPE_OPERATORS.has(word)
    } else wantsOperand = false
  }
  return undefined
}

/** Where the declaration starts; undefined when the parenthesis belongs to a control statement. */
function startOf(code: string, open: number): number | undefined {
  const [from, to] = wordBefore(code, open)
  return CONTROL.has(code.slice(from, to)) ? undefined : from
}

function nameBefore(code: string, open: number): string {
  const [from, to] = wordBefore(code, open)
  const word = code.slice(from, to)
  if (word !== '' && word !== 'async' && word !== 'function') return word
  const before = code.slice(Math.max(0, from - NAME_CHARACTERS_MAX), from).trimEnd()
  return /([\w$#]+)\s*=$/.exec(before)?.[1] ?? 'this function'
}

/** The word before a parenthesis, past its type parameters if it has any. */
function wordBefore(code: string, open: number): [number, number] {
  let to = skipSpaceBack(code, open)
  if (code[to - 1] === '>' && code[to - 2] !== '=') {
    const angle = code.lastIndexOf('<', to)
    if (angle !== -1) to = skipSpaceBack(code, angle)
  }
  let from = to
  while (from > 0 && /[\w$#]/.test(code[from - 1] ?? '')) from--
  return [from, to]
}

function skipSpaceBack(code: string, from: number): number {
  let at = from
  while (at > 0 && /\s/.test(code[at - 1] ?? '')) at--
  return at
}

function skipSpace(code: string, from: number): number {
  let at = from
  while (at < code.length && /\s/.test(code[at] ?? '')) at++
  return at
}

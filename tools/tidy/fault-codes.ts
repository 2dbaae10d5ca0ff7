import { isTest, type Repository } from './repository.ts'
import { lineAt, type Source } from './source.ts'

/** A fault as it stands in the source. */
export interface FaultUse {
  code: string
  category: string
  /** `…` where the message has a hole. */
  message: string
  path: string
  line: number
}

const CODE = /\bcode\s*:\s*['"`]/g
const SHAPE = /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/

/** Every fault written out as `{ category, code, message }` in the product's own source, in order of code. */
export function faultsIn(repository: Repository): FaultUse[] {
  return repository.sources
    .filter(({ path }) => /^(server|libs|apps)\//.test(path) && !isTest(path))
    .flatMap(faultsOf)
    .sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : a.line - b.line))
}

function faultsOf(source: Source): FaultUse[] {
  return [...source.code.matchAll(CODE)].flatMap((match): FaultUse[] => {
    const literal = source.literals.find(({ start }) => start === match.index + match[0].length - 1)
    if (!literal || !SHAPE.test(literal.value)) return []
    const [from, to] = objectAround(source.code, match.index)
    const category = valueOf(source, from, to, 'category', ' or ')
    const message = valueOf(source, from, to, 'message')
    // A code without either is somebody else's code, such as a CodeSystem's.
    if (category === undefined && message === undefined) return []
    return [
      {
        code: literal.value,
        category: category ?? '…',
        message: message ?? '',
        path: source.path,
        line: lineAt(source.text, match.index),
      },
    ]
  })
}

/** The braces around an offset. */
function objectAround(code: string, at: number): [number, number] {
  let from = at
  for (let depth = 0; from > 0; from--) {
    if (code[from] === '}') depth++
    else if (code[from] === '{' && depth-- === 0) break
  }
  let to = at
  for (let depth = 0; to < code.length; to++) {
    if (code[to] === '{') depth++
    else if (code[to] === '}' && depth-- === 0) break
  }
  return [from, to]
}

/** Text of a property: a literal, several (joined with +, or alternatives) with `between` put in, or `…` for what is computed. */
function valueOf(source: Source, from: number, to: number, name: string, between = ''): string | undefined {
  const key = new RegExp(`[{,\\s]${name}\\s*(:|[,}\\n])`).exec(source.code.slice(from, to + 1))
  if (!key) return undefined
  if (key[1] !== ':') return '…'
  const start = from + key.index + key[0].length
  const end = endOfValue(source.code, start, to)
  const parts = source.literals.filter((literal) => literal.start >= start && literal.end <= end)
  const outer = parts.filter(
    (part) => !parts.some((other) => other !== part && other.start < part.start && other.end > part.end),
  )
  const text = outer.map(({ value }) => value.replaceAll('${}', '…').replaceAll("\\'", "'")).join(between)
  return text === '' ? '…' : text.replace(/…+/g, '…')
}

function endOfValue(code: string, start: number, to: number): number {
  let depth = 0
  for (let at = start; at < to; at++) {
    const char = code[at] ?? ''
    if ('([{'.includes(char)) depth++
    else if (')]}'.includes(char)) depth--
    else if (char === ',' && depth === 0) return at
  }
  return to
}

/** Begins a string that stands for a number as it was written. FHIR strings cannot hold it, so none is mistaken for one. */
const MARK = '\u0001'
/** Key of the written form inside the `_name` sibling of a number: FHIRPath Patch carries siblings along with values. */
const TAG = '\u0001written'

type Reviver = (this: Record<string, unknown>, key: string, value: unknown, context: { source: string }) => unknown

/** JSON with each number that would lose its written form (`1.50`) as a marked string. */
export function parseMarked(text: string): unknown {
  return parse(text, (_key, value, { source }) => (isLossy(value, source) ? MARK + source : value))
}

/** As `parseMarked`, of a text that may have megabytes: `turn` is awaited while it is looked through. */
export async function parseMarkedInTurns(text: string, turn: () => Promise<void> | undefined): Promise<unknown> {
  const parts: string[] = []
  let taken = 0
  let at = 0
  for (let strings = 0; at < text.length; strings++) {
    if (strings % STRINGS_PER_TURN === 0) await turn()
    const quote = text.indexOf('"', at)
    const end = quote < 0 ? text.length : quote
    // Between two strings stands but a comma or a colon, unless there is a number.
    if (end - at > 1)
      for (const { 0: source, index } of text.slice(at, end).matchAll(NUMBER)) {
        if (!isLossy(Number(source), source)) continue
        parts.push(text.slice(taken, at + index), JSON.stringify(MARK + source))
        taken = at + index + source.length
      }
    at = quote < 0 ? text.length : afterString(text, quote + 1)
  }
  return JSON.parse(parts.length === 0 ? text : parts.join('') + text.slice(taken))
}

const NUMBER = /-?\d[\d.eE+-]*/g
/** Strings passed between two looks at the clock. */
const STRINGS_PER_TURN = 1_000

/** The place behind the quotation mark that ends a string. */
function afterString(text: string, start: number): number {
  for (let end = text.indexOf('"', start); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (end - 1 - escapes >= start && text[end - 1 - escapes] === '\\') escapes++
    if (escapes % 2 === 0) return end + 1
  }
  return text.length
}

/** The reverse of `parseMarked`, with numbers as raw JSON text. */
export function unmarked(node: unknown): unknown {
  if (typeof node === 'string') return node.startsWith(MARK) ? rawNumber(node.slice(MARK.length)) : node
  return mapped(node, unmarked)
}

/** JSON with the written form of each such number in its `_name` sibling, beside the number itself. */
export function parseTagged(text: string): unknown {
  return parse(text, function (key, value, { source }) {
    if (isLossy(value, source) && !Array.isArray(this) && !key.startsWith('_')) {
      const sibling = this[`_${key}`]
      if (typeof sibling === 'object' && sibling !== null) (sibling as Record<string, unknown>)[TAG] = source
      else this[`_${key}`] = { [TAG]: source }
    }
    return value
  })
}

/** The reverse of `parseTagged`: with numbers as raw JSON text when `exact`, else as numbers. */
export function untagged(node: unknown, exact: boolean): unknown {
  if (typeof node !== 'object' || node === null || Array.isArray(node))
    return mapped(node, (child) => untagged(child, exact))
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node)) {
    const written = tagOf((node as Record<string, unknown>)[`_${key}`])
    if (written !== undefined && exact && Number(written) === value) result[key] = rawNumber(written)
    else if (tagOf(value) === undefined) result[key] = untagged(value, exact)
    else {
      const { [TAG]: _tag, ...rest } = value as Record<string, unknown>
      if (Object.keys(rest).length > 0) result[key] = untagged(rest, exact)
    }
  }
  return result
}

function tagOf(sibling: unknown): string | undefined {
  const tag = typeof sibling === 'object' && sibling !== null ? (sibling as Record<string, unknown>)[TAG] : undefined
  return typeof tag === 'string' ? tag : undefined
}

function mapped(node: unknown, each: (child: unknown) => unknown): unknown {
  if (Array.isArray(node)) return node.map(each)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, each(child)]))
}

function isLossy(value: unknown, source: string): boolean {
  return typeof value === 'number' && String(value) !== source
}

function rawNumber(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}

function parse(text: string, reviver: Reviver): unknown {
  return JSON.parse(text, reviver as (this: unknown, key: string, value: unknown) => unknown)
}

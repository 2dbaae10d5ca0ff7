import { type FunctionDefinition, type FunctionTable, fixed } from './function-table.ts'
import { EMPTY, FhirNode, type Item, type Items, systemValue, truth } from './item.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { type Eval, executionError, type Run, single } from './run.ts'

/** http://hl7.org/fhirpath/N1/#string-manipulation */
export const stringFunctions: FunctionTable = {
  indexOf: onSearch((text, part) => [text.indexOf(part)]),
  lastIndexOf: onSearch((text, part) => [text.lastIndexOf(part)]),
  startsWith: onText(1, (text, [part]) => truth(text.startsWith(part as string))),
  endsWith: onText(1, (text, [part]) => truth(text.endsWith(part as string))),
  contains: onSearch((text, part) => truth(text.includes(part))),
  upper: onText(0, (text) => [text.toUpperCase()]),
  lower: onText(0, (text) => [text.toLowerCase()]),
  trim: onText(0, (text) => [text.trim()]),
  length: onText(0, (text) => [text.length]),
  toChars: onText(0, (text, _args, run, at) => {
    run.spend(text.length, at)
    return [...text]
  }),
  split: onText(1, (text, [separator], run, at) => {
    run.spendSearch(text, separator as string, at)
    run.spend(occurrences(text, separator as string), at)
    return text.split(separator as string)
  }),
  replace: onText(2, (text, [part, by], run, at) => {
    run.spendSearch(text, part as string, at)
    const count = occurrences(text, part as string)
    run.spend(count, at)
    run.spendText(text.length + count * (by as string).length, at)
    // A function as replacement: a text would have its `$` read as something else.
    return [text.replaceAll(part as string, () => by as string)]
  }),
  matches: onPattern(1, (pattern, text, _args, run) => truth(pattern.find(text, 0, run) !== undefined)),
  matchesFull: onPattern(1, (pattern, text, _args, run) => truth(pattern.matchesAll(text, run))),
  replaceMatches: onPattern(2, (pattern, text, [by], run, at) => [
    built(run, at, replaceAll(pattern, text, by as string, { run, at })),
  ]),
  substring: {
    min: 1,
    max: 2,
    build: (input, site) => {
      const [from, count] = site.args as [Eval, Eval | undefined]
      return (run, focus) => {
        const text = singleText(input(run, focus), site.at)
        const start = singleInteger(from(run, focus), site.at)
        const size = count === undefined ? undefined : singleInteger(count(run, focus), site.at)
        if (text === undefined || start === undefined || start < 0 || start >= text.length) return EMPTY
        return [text.slice(start, size === undefined ? undefined : start + Math.max(0, size))]
      }
    },
  },
  join: {
    min: 0,
    max: 1,
    build: (input, site) => (run, focus) => {
      const items = input(run, focus)
      const separator = site.args[0] === undefined ? '' : (singleText(site.args[0](run, focus), site.at) ?? '')
      if (items.length === 0) return EMPTY
      run.spend(items.length, site.at)
      const texts = items.map((item) => textOf(item, site.at)).filter((text) => text !== undefined)
      return [built(run, site.at, texts, separator)]
    },
  },
}

/** The text of a single string; undefined when there is none. Throws where the single item is no string. */
export function singleText(items: Items, at: number): string | undefined {
  const item = single(items, at)
  return item === undefined ? undefined : textOf(item, at)
}

function textOf(item: Item, at: number): string | undefined {
  // A date of FHIR is written as a string, and search parameters and invariants treat it as one.
  const raw = item instanceof FhirNode ? item.value : item
  if (typeof raw === 'string') return raw
  if (raw === undefined) return undefined
  throw executionError('a string is needed here', at)
}

export function singleInteger(items: Items, at: number): number | undefined {
  const item = single(items, at)
  if (item === undefined) return undefined
  const value = systemValue(item)
  if (typeof value !== 'number') throw executionError('an integer is needed here', at)
  return value
}

/** Joins after charging for the result: the limit must strike before the memory is taken. */
function built(run: Run, at: number, parts: string[], separator = ''): string {
  let chars = 0
  for (const part of parts) chars += part.length + separator.length
  run.spendText(chars, at)
  return parts.join(separator)
}

/** A function on a single string with arguments that are single strings; empty when any of them is. */
export function onText(
  count: number,
  apply: (text: string, args: string[], run: Run, at: number) => Items,
): FunctionDefinition {
  return fixed(count, (input, site) => (run, focus) => {
    const text = singleText(input(run, focus), site.at)
    const args: string[] = []
    for (const arg of site.args) {
      const value = singleText(arg(run, focus), site.at)
      if (value === undefined) return EMPTY
      args.push(value)
    }
    if (text === undefined) return EMPTY
    run.spendText(text.length, site.at)
    return apply(text, args, run, site.at)
  })
}

/** Where one text is looked for in another. */
function onSearch(apply: (text: string, part: string) => Items): FunctionDefinition {
  return onText(1, (text, [part], run, at) => {
    run.spendSearch(text, part as string, at)
    return apply(text, part as string)
  })
}

/** How often a part stands in a text, without overlap; an empty one stands between all characters and at both ends. */
function occurrences(text: string, part: string): number {
  if (part === '') return text.length + 1
  let count = 0
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) count += 1
  return count
}

/** Like `onText`; the first argument is a pattern, compiled once while it stays the same. */
function onPattern(
  count: number,
  apply: (pattern: Pattern, text: string, rest: string[], run: Run, at: number) => Items,
): FunctionDefinition {
  return fixed(count, (input, site) => {
    let source: string | undefined
    let pattern: Pattern | undefined
    const inner = onText(count, (text, [wanted, ...rest], run, at) => {
      if (pattern === undefined || wanted !== source) {
        run.spend((wanted as string).length, at)
        pattern = compilePattern(wanted as string, at)
        source = wanted
      }
      return apply(pattern, text, rest, run, at)
    })
    return inner.build(input, site)
  })
}

function replaceAll(pattern: Pattern, text: string, by: string, { run, at }: { run: Run; at: number }): string[] {
  const parts: string[] = []
  let from = 0
  while (from <= text.length) {
    const match = pattern.find(text, from, run)
    // A pattern that matches nothing at all replaces nothing: the reference engines agree on that.
    if (match === undefined || match.end === match.start) break
    run.spendText(by.length, at)
    parts.push(text.slice(from, match.start), expand(by, text, match.groups))
    from = match.end
  }
  parts.push(text.slice(from))
  return parts
}

/** `$1` in a substitution stands for what the first group matched. */
function expand(by: string, text: string, groups: readonly (number | undefined)[]): string {
  return by.replace(/\$(\d)/g, (whole, digit: string) => {
    const start = groups[Number(digit) * 2]
    const end = groups[Number(digit) * 2 + 1]
    if (Number(digit) * 2 >= groups.length) return whole
    return start === undefined || end === undefined ? '' : text.slice(start, end)
  })
}

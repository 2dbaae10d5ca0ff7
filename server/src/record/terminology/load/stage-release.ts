import type { Connection } from '#db'
import { shown, tooLarge, wrongLayout } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import type { Release, ReleaseItem } from './release.ts'
import { copyLines, createLoadTables, LOAD_TABLES, type LoadTable } from './store.ts'

/** Characters of lines that travel in one COPY: a round trip each, and never more than this in memory. */
const CHARS_PER_COPY = 2 * 1024 * 1024

/** Copy what a release holds into the tables of this load. Faults of its reader; `terminology.load.layout` for impossible values. */
export async function stageRelease(connection: Connection, release: Release): Promise<void> {
  await createLoadTables(connection)
  const stage = new Stage(connection)
  for await (const items of release.items()) await stage.take(items)
  await stage.end()
}

class Stage {
  readonly #connection: Connection
  readonly #pending = new Map<LoadTable, { lines: string[]; chars: number }>(
    LOAD_TABLES.map((table) => [table, { lines: [], chars: 0 }]),
  )
  #seq = 0
  #concepts = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async take(items: readonly ReleaseItem[]): Promise<void> {
    for (const item of items) this.#add(item)
    for (const [table, { chars }] of this.#pending) if (chars >= CHARS_PER_COPY) await this.#copy(table)
  }

  async end(): Promise<void> {
    for (const table of LOAD_TABLES) await this.#copy(table)
  }

  #add(item: ReleaseItem): void {
    checkText(item.code, LOAD_LIMITS.codeCharsMax, 'a code')
    if (item.kind === 'concept' && ++this.#concepts > LOAD_LIMITS.conceptsMax)
      tooLarge(`it has more than ${LOAD_LIMITS.conceptsMax} concepts`)
    const [table, ...values] = valuesOf(item)
    const line = `${++this.#seq}\t${item.code.replaceAll(SPECIAL, escaped)}\t${values.map(copyValue).join('\t')}\n`
    const pending = this.#pending.get(table)
    if (pending === undefined) return
    pending.lines.push(line)
    pending.chars += line.length
  }

  async #copy(table: LoadTable): Promise<void> {
    const pending = this.#pending.get(table)
    if (pending === undefined || pending.lines.length === 0) return
    await copyLines(this.#connection, table, pending.lines.join(''))
    pending.lines = []
    pending.chars = 0
  }
}

type Value = string | number | boolean | undefined

/** Columns of the item's table behind number and code. */
function valuesOf(item: ReleaseItem): [LoadTable, ...Value[]] {
  switch (item.kind) {
    case 'concept':
      return ['load_concept', item.display, item.definition, item.isInactive, item.isAbstract]
    case 'designation': {
      const { value, language, use, displayRank } = item
      return ['load_name', value, language, use?.system, use?.code, use?.display, displayRank]
    }
    case 'property':
      return ['load_property', item.property, item.value, item.isCode]
    case 'parent':
      return ['load_parent', item.parent]
    case 'member':
      return ['load_member', item.set]
  }
}

const SPECIAL = /[\\\t\n\r]/g
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const escaped = (character: string): string => ESCAPES[character] ?? character

/** The text form of COPY, https://www.postgresql.org/docs/current/sql-copy.html */
function copyValue(value: Value): string {
  if (value === undefined) return '\\N'
  if (typeof value !== 'string') return String(value)
  if (value !== '') checkText(value, LOAD_LIMITS.valueCharsMax, 'a value')
  return value.replaceAll(SPECIAL, escaped)
}

function checkText(text: string, charsMax: number, what: string): void {
  if (text === '') wrongLayout(`${what} in it is empty`)
  if (text.length > charsMax) wrongLayout(`${what} in it is longer than ${charsMax} characters: ${shown(text)}`)
  if (text.includes('\0')) wrongLayout(`${what} in it holds a zero byte`)
}

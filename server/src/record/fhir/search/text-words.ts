import { fold } from '#vault'
import { SEARCH_LIMITS } from './search-limits.ts'

/**
 * Distinct folded words of a text, as `_text` and `_content` compare them: letters, digits and their marks. Of a text longer
 * than SEARCH_LIMITS.contentCharsMax the beginning.
 */
export function textWords(text: string): string[] {
  return [...new Set(fold(text.slice(0, SEARCH_LIMITS.contentCharsMax)).match(/[\p{L}\p{N}\p{M}]+/gu) ?? [])]
}

/** Whether each word begins some word of the text. */
export function hasWords(text: string, words: readonly string[]): boolean {
  // A blank before each word: what stands after it is where a word begins.
  const spaced = ` ${textWords(text).join(' ')}`
  return words.every((word) => spaced.includes(` ${word}`))
}

/** What a reader of the narrative sees: XHTML without its tags, entities as blanks or as what they stand for. */
export function narrativeText(resource: object): string {
  const { div } = ((resource as { text?: unknown }).text ?? {}) as { div?: unknown }
  return typeof div === 'string' ? withoutTags(div) : ''
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function withoutTags(xhtml: string): string {
  const texts: string[] = []
  let start = 0
  let characters = 0
  while (start < xhtml.length && characters < SEARCH_LIMITS.contentCharsMax) {
    const open = xhtml.indexOf('<', start)
    const text = xhtml.slice(start, open < 0 ? undefined : open)
    characters += text.length + 1
    texts.push(text)
    const close = open < 0 ? -1 : xhtml.indexOf('>', open)
    if (close < 0) break
    // Tags part words: cells of a table stand apart though nothing is written between them.
    texts.push(' ')
    start = close + 1
  }
  return texts.join('').replace(/&(#x?)?(\w{1,8});/g, (_, form: string | undefined, name: string) => {
    if (form === undefined) return ENTITIES[name] ?? ' '
    const point = Number.parseInt(name, form === '#' ? 10 : 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : ' '
  })
}

/** Elements whose strings are for machines: nobody searches the words of an address or a code. */
const NO_TEXT = new Set(
  'resourceType id versionId lastUpdated system url code reference uri use status language contentType div data profile source'.split(
    ' ',
  ),
)

/**
 * All text of a resource for people: names, displays, notes, values, and its narrative. Codes, addresses, dates and attached data
 * are no text.
 */
export function contentText(resource: object): string {
  const texts = [narrativeText(resource)]
  visitTexts(resource, (text) => void texts.push(text))
  return texts.join(' ')
}

/** The strings of a resource that are text, with the element's name. */
function visitTexts(resource: object, found: (text: string, key: string) => void): void {
  let characters = 0
  const visit = (value: unknown, key: string): void => {
    if (typeof value === 'string') {
      if (NO_TEXT.has(key) || characters > SEARCH_LIMITS.contentCharsMax || NO_WORDS.test(value)) return
      characters += value.length
      found(value, key)
    } else if (Array.isArray(value)) for (const one of value) visit(one, key)
    else if (typeof value === 'object' && value !== null)
      for (const name in value) visit((value as Record<string, unknown>)[name], name)
  }
  visit(resource, '')
}

/** A date or an absolute URL, whatever element it stands in. */
const NO_WORDS = /^(?:\d{4}-\d\d|[a-z][a-z0-9+.-]*:[^ ]+$)/

/** How words are looked up: by so many first letters. More lengths would be more precise, and tell more of the text. */
const START_CHARS = [12, 8, 4]

/** The longest indexed start of a word that also begins each longer word; undefined of a word too short to tell. */
export function wordStart(word: string): string | undefined {
  const chars = START_CHARS.find((length) => length <= word.length)
  return chars === undefined ? undefined : word.slice(0, chars)
}

/** The distinct starts of the words of a resource, `isComplete` when these are all. */
export function wordStarts(resource: object): { starts: ReadonlySet<string>; isComplete: boolean } {
  const starts = new Set<string>()
  const seen = new Set<string>()
  const add = (text: string, key: string): void => {
    if (starts.size > SEARCH_LIMITS.indexedWordsMax || seen.has(text)) return
    seen.add(text)
    for (const start of key === 'display' ? startsOfDisplay(text) : startsOf(text)) starts.add(start)
  }
  visitTexts(resource, add)
  add(narrativeText(resource), 'div')
  if (starts.size <= SEARCH_LIMITS.indexedWordsMax) return { starts, isComplete: true }
  return { starts: new Set([...starts].slice(0, SEARCH_LIMITS.indexedWordsMax)), isComplete: false }
}

function startsOf(text: string): string[] {
  return textWords(text).flatMap((word) =>
    START_CHARS.filter((chars) => chars <= word.length).map((chars) => word.slice(0, chars)),
  )
}

const displays = new Map<string, string[]>()
/** Displays come from code systems and not from a person: they may be remembered. Some hundred kB. */
const DISPLAYS_MAX = 5_000
const DISPLAY_CHARS_MAX = 128

function startsOfDisplay(display: string): string[] {
  const known = displays.get(display)
  if (known) return known
  const starts = startsOf(display)
  if (display.length > DISPLAY_CHARS_MAX) return starts
  if (displays.size >= DISPLAYS_MAX) displays.clear()
  displays.set(display, starts)
  return starts
}

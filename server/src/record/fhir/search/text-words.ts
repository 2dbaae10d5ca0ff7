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

/** All text of a resource: what its elements say, and its narrative. Attached data is no text. */
export function contentText(resource: object): string {
  const texts: string[] = [narrativeText(resource)]
  let characters = 0
  const visit = (value: unknown, key: string): void => {
    if (typeof value === 'string') {
      if (key === 'div' || key === 'data' || characters > SEARCH_LIMITS.contentCharsMax) return
      characters += value.length
      texts.push(value)
    } else if (Array.isArray(value)) for (const one of value) visit(one, key)
    else if (typeof value === 'object' && value !== null)
      for (const [name, inner] of Object.entries(value)) visit(inner, name)
  }
  visit(resource, '')
  return texts.join(' ')
}

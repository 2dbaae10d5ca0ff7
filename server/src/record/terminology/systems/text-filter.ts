/** A text filter as a person types it: each word must start a word of the concept's name or code. */
export interface TextFilter {
  words: readonly string[]
  phrase: string
}

const WORDS = /[\p{L}\p{N}]+/gu

/** Words in lower case without accents, so that `Ménière` is found by `meniere`. */
export function wordsOf(value: string): string[] {
  return normalised(value).match(WORDS) ?? []
}

export function normalised(value: string): string {
  return value.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

export function textFilter(filter: string): TextFilter {
  return { words: wordsOf(filter), phrase: normalised(filter).trim() }
}

/**
 * How well a name answers the filter: 0 not at all, else higher is better. A name that is the filter comes first, then one that
 * starts with it, then one with all words whole, then by how little else it says.
 */
export function textRank(filter: TextFilter, name: string): number {
  if (filter.words.length === 0) return 1
  const full = normalised(name)
  const words = full.match(WORDS) ?? []
  let whole = 0
  for (const wanted of filter.words) {
    let found = false
    for (const word of words) {
      if (!word.startsWith(wanted)) continue
      found = true
      if (word === wanted) {
        whole++
        break
      }
    }
    if (!found) return 0
  }
  const closeness = 1 / (1 + words.length - Math.min(words.length, filter.words.length))
  if (full === filter.phrase) return 4
  if (full.startsWith(filter.phrase)) return 2 + closeness
  return (1 + whole / filter.words.length) / 2 + closeness / 10
}

/** Chance that a seed repeats: the same seed, target and case give the same input. */
export interface Chance {
  /** A whole number from 0 to `below` - 1. */
  below(limit: number): number
  /** True once in `times`. */
  once(times: number): boolean
  pick<T>(from: readonly T[]): T
  text(words: readonly string[], most: number): string
}

/** mulberry32 over a hash of the parts: short, and good enough to vary inputs. */
export function chance(...parts: readonly (number | string)[]): Chance {
  let state = 0x811c9dc5
  for (const character of parts.join('/')) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  return {
    below,
    once: (times) => below(times) === 0,
    pick: <T>(from: readonly T[]) => from[below(from.length)] as T,
    text: (words, most) => Array.from({ length: below(most) + 1 }, () => words[below(words.length)]).join(''),
  }
}

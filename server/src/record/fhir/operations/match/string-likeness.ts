/** Characters compared of a name: beyond them the cost grows with the square and the answer hardly changes. */
const CHARS_MAX = 64

/**
 * How alike two names are, from 0 to 1, by the measure of Jaro and Winkler: shared characters near the same place, transpositions,
 * and a common beginning. Folded text is expected. Winkler (1990), "String Comparator Metrics and Enhanced Decision Rules in the
 * Fellegi-Sunter Model of Record Linkage".
 */
export function likeness(first: string, second: string): number {
  const [a, b] = [first.slice(0, CHARS_MAX), second.slice(0, CHARS_MAX)]
  if (a === b) return a === '' ? 0 : 1
  const shared = sharedCharacters(a, b)
  const matches = shared.a.length
  if (matches === 0) return 0
  const transposed = [...shared.a].filter((character, at) => character !== shared.b[at]).length / 2
  const jaro = (matches / a.length + matches / b.length + (matches - transposed) / matches) / 3
  let prefix = 0
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++
  return jaro + prefix * 0.1 * (1 - jaro)
}

/** The characters of each that the other has within half the longer length, in their order. */
function sharedCharacters(a: string, b: string): { a: string; b: string } {
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1)
  const taken = new Set<number>()
  let inA = ''
  for (let at = 0; at < a.length; at++) {
    const end = Math.min(b.length, at + reach + 1)
    for (let other = Math.max(0, at - reach); other < end; other++) {
      if (taken.has(other) || a[at] !== b[other]) continue
      taken.add(other)
      inA += a[at]
      break
    }
  }
  const inB = [...taken].toSorted((x, y) => x - y).map((at) => b[at])
  return { a: inA, b: inB.join('') }
}

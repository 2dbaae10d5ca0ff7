/** Letters that may differ: a third of what was typed, three at most, so that no other word is suggested. */
const AWAY_MAX = 3

/** ` Did you mean x?` for the candidate nearest to what was typed; empty when none is near. */
export function didYouMean(typed: string, candidates: readonly string[]): string {
  const awayMax = Math.min(AWAY_MAX, Math.max(1, Math.floor(typed.length / 3)))
  const [closest] = candidates
    .map((candidate) => ({ candidate, away: distance(candidate, typed) }))
    .sort((a, b) => a.away - b.away)
  return closest && closest.away <= awayMax ? ` Did you mean ${closest.candidate}?` : ''
}

/** Letters to insert, delete, replace, or exchange with the next one (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isExchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const exchanged = isExchanged ? (before[j - 2] ?? 0) + 1 : replaced
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, exchanged)
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

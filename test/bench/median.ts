/** The middle of `values`; of two middles the larger, so that nothing looks better than it was. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new RangeError('nothing has no median')
  return middle
}

/** Numbers per block, as the sequence's increment in migration 0001. */
export const RID_BLOCK = 512

/**
 * Hands out internal numbers from blocks taken from PostgreSQL. Numbers of a block that is not used up when the
 * process ends are lost, which is harmless: they only need to be unique.
 */
export function ridSource(takeBlock: () => Promise<number>): (count: number) => Promise<number[]> {
  let next = 0
  let end = 0
  let refill: Promise<void> | undefined

  const takeMore = (): Promise<void> => {
    refill ??= takeBlock()
      .then((first) => {
        next = first
        end = first + RID_BLOCK
      })
      .finally(() => {
        refill = undefined
      })
    return refill
  }

  return async (count) => {
    const rids: number[] = []
    while (rids.length < count) {
      if (next === end) await takeMore()
      while (next < end && rids.length < count) rids.push(next++)
    }
    return rids
  }
}

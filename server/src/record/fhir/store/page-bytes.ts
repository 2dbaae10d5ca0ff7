import type { StoredRow } from './rows.ts'

/** Sealed bytes of one page: as much as the largest body a client may send, so that no answer takes more memory. */
export const PAGE_BYTES_MAX = 64 * 1024 * 1024

/** The same opened: sealed bodies are compressed, and a few MB of them may have been made to become GBs. */
export const PAGE_OPENED_BYTES_MAX = 256 * 1024 * 1024

/** How many of the first rows have at most `bytes` together. */
export function rowsWithin(rows: readonly Pick<StoredRow, 'sealed'>[], bytes: number): number {
  let sum = 0
  for (const [index, { sealed }] of rows.entries()) {
    sum += sealed.length
    if (sum > bytes) return index
  }
  return rows.length
}

/** How many of the first rows make a page: one at least, however large. */
export function rowsOfPage(rows: readonly Pick<StoredRow, 'sealed'>[]): number {
  return Math.max(Math.min(rows.length, 1), rowsWithin(rows, PAGE_BYTES_MAX))
}

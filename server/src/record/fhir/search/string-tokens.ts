import { fold, prefixes, prefixQuery, words } from '#vault'
import type { PlainToken } from './tokens.ts'

/** Tokens of one stored string: prefixes of the value and of each word, and the value itself as written. */
export function storedStringTokens(value: string): PlainToken[] {
  const tokens: PlainToken[] = [{ kind: 'exact', value }]
  for (const prefix of prefixes(value)) tokens.push({ kind: 'prefix', value: prefix })
  return tokens
}

/** Tokens of which a matching string has at least one. Not `exact`: some that have it do not match. */
export function queriedStringTokens(query: string): { tokens: PlainToken[]; exact: boolean } {
  const { anyOf, checkValue } = prefixQuery(query)
  return { tokens: anyOf.map((value) => ({ kind: 'prefix', value })), exact: !checkValue }
}

/** Whether a string search without modifier finds `value`: it, or one of its words, starts with the query. */
export function stringMatches(value: string, query: string): boolean {
  const wanted = fold(query)
  if (wanted === '') return false
  const folded = fold(value)
  return folded.startsWith(wanted) || words(folded).some((word) => word.startsWith(wanted))
}

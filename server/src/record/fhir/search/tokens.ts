/** Turns a search value into the keyed token it is stored and looked up by (the vault's tokenizer of one tenant). */
export interface Tokens {
  /** 8 bytes: HMAC under the tenant's index key of `leaf \0 kind \0 value`. */
  token(leaf: string, kind: string, value: string): Buffer
}

/**
 * Kinds of tokens. The vault remembers `code`, `coding`, `system`, `unit` and `uri`, whose values come from code systems
 * and not from a person; identifiers, telephone numbers and names have kinds of their own and leave nothing in memory.
 */
export type TokenKind =
  | 'code'
  | 'coding'
  | 'system'
  | 'identifier-value'
  | 'identifier'
  | 'prefix'
  | 'exact'
  | 'uri'
  | 'url'
  | 'bucket'
  | 'unit'
  | 'present'
  | 'word'

/** A token before it is keyed. */
export interface PlainToken {
  kind: TokenKind
  value: string
}

export interface Secret {
  line: number
  kind: string
}

/** Texts that are secrets whatever stands around them. */
const SHAPES: { kind: string; pattern: RegExp }[] = [
  { kind: 'private key', pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\\n|\s)*[A-Za-z0-9+/]{16}/g },
  { kind: 'AWS access key id', pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { kind: 'GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})/g },
  { kind: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { kind: 'Slack token', pattern: /\bxox[abprs]-[A-Za-z0-9-]{20,}/g },
  { kind: 'Stripe key', pattern: /\b[rs]k_live_[A-Za-z0-9]{20,}/g },
  { kind: 'Google API key', pattern: /\bAIza[A-Za-z0-9_-]{35}\b/g },
  { kind: 'HashiCorp Vault token', pattern: /\bhvs\.[A-Za-z0-9_-]{24,}/g },
]

/** A name that promises a secret, and the value it is given. */
const NAMED =
  /(?:secret|passw(?:or)?d|token|api_?key|private_?key|access_?key|root_?key|credential)[\w-]*["']?\s*[:=]\s*["'`]?([A-Za-z0-9+/_=-]{20,})(?![A-Za-z0-9+/_=(.[-])/gi
/** Bits per character: random base64 of this length has 4.3 and more, words and identifiers stay below 4. */
const BASE64_BITS_MIN = 4.2
/** Random hexadecimal digits have 3.5 and more. */
const HEX_BITS_MIN = 3.3

/** Places in `text` that look like a secret. What was found is not part of the answer. */
export function findSecrets(path: string, text: string): Secret[] {
  const found = SHAPES.flatMap(({ kind, pattern }) =>
    [...text.matchAll(pattern)].map((match) => ({ line: lineOf(text, match.index), kind })),
  )
  // Test vectors of cryptography are random on purpose and stand beside such names.
  if (path.endsWith('.test.ts')) return found
  for (const match of text.matchAll(NAMED))
    if (isRandom(match[1] ?? '')) found.push({ line: lineOf(text, match.index), kind: 'high-entropy value' })
  return found
}

/** Shannon entropy above what words have, and more than one kind of character. */
export function isRandom(value: string): boolean {
  const bits = entropy(value)
  if (/^[0-9a-f]+$/i.test(value)) return value.length >= 32 && bits >= HEX_BITS_MIN
  return /\d/.test(value) && /[a-z]/i.test(value) && bits >= BASE64_BITS_MIN
}

function entropy(value: string): number {
  const counts = new Map<string, number>()
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length)
  return bits
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

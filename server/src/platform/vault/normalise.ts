/**
 * Normalisation of values before they become search tokens. Pure: the same text always gives the same result, on
 * every process and Node version that shares a Unicode version, because tokens are compared for equality only.
 * FHIR asks for string search that ignores case, accents and insignificant white space (search.html#string).
 */

/** Prefixes of fewer characters match too much to be worth a token, except in scripts where one character is a word. */
const PREFIX_CHARACTERS_MIN = 2
/** Every length up to this has a prefix. */
const EACH_PREFIX_UP_TO = 10
/** Longer queries look up the prefix of this length and check the whole value after opening. */
export const PREFIX_CHARACTERS_MAX = 16
/** Words of one value that get prefix tokens of their own: a name has few, a pasted paragraph must not make thousands. */
const WORDS_MAX = 16

/** Letters that no decomposition turns into their plain neighbour. */
const SPECIAL: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ŧ: 't',
  ŋ: 'n',
  ĸ: 'k',
  ς: 'σ',
}
const SPECIAL_LETTERS = /[ßæœøđðłþħıŧŋĸς]/g
/**
 * Combining marks that are accents: those shared between scripts, and Hebrew points. Vowel signs of Indic scripts are
 * part of the word and stay; so do the Japanese voicing marks, which tell ha from ba.
 */
const ACCENTS = /[[\p{Mn}&&\p{Script=Inherited}]--[\u3099\u309a]]|[[\u0591-\u05c7]&&\p{Mn}]/gv
/** Joiners, direction marks, soft hyphens and the like: invisible, pasted by accident. */
const INVISIBLE = /\p{Cf}/gu
/** O'Brien, O’Brien and OBrien are one name. */
const APOSTROPHES = /['‘’ʼ`´]/g
const PLAIN = /^[\x20-\x26\x28-\x5f\x61-\x7e]*$/

/** Case, accents, width, invisible characters and white space removed: `' Müller  Groß '` becomes `'muller gross'`. */
export function fold(value: string): string {
  if (PLAIN.test(value)) return collapse(value.toLowerCase())
  const plain = value
    .normalize('NFC')
    .replace(APOSTROPHES, '')
    .normalize('NFKD')
    .replace(APOSTROPHES, '')
    .replace(ACCENTS, '')
    .replace(INVISIBLE, '')
    .toLowerCase()
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .replace(SPECIAL_LETTERS, (letter) => SPECIAL[letter] as string)
  // Composed again so that a Hangul syllable or a voiced kana counts as one character of a prefix.
  return collapse(plain.normalize('NFC'))
}

function collapse(value: string): string {
  return value.replace(/\s+/g, ' ').trim()
}

/** The words of a folded value: letters, digits and their marks. */
export function words(folded: string): string[] {
  return folded.match(/[\p{L}\p{N}\p{M}]+/gu)?.slice(0, WORDS_MAX) ?? []
}

/** Digits of a telephone number in any script, as ASCII: `'+1 (555) 010-2030'` becomes `'15550102030'`. */
export function telephoneDigits(value: string): string {
  let digits = ''
  for (const character of value.normalize('NFKC')) if (/\p{Nd}/u.test(character)) digits += decimalDigit(character)
  return digits
}

/** Unicode allots decimal digits in runs of ten whose zero starts a new run, so the run's start gives the value. */
function decimalDigit(character: string): number {
  const point = character.codePointAt(0) as number
  if (point < 0x80) return point - 0x30
  let zero = point
  while (zero > point - 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return point - zero
}

/** Mail addresses compare without case or surrounding space; nothing else, because the local part is the host's affair. */
export function email(value: string): string {
  return value.normalize('NFKC').trim().toLowerCase()
}

/**
 * The prefixes that get a token each so that starts-with search finds `value`: of 2 to 10, 12, 14 and 16 characters, of the
 * folded value and of each of its words. The single first character is added where `prefixQuery` cannot foresee what follows
 * it: a value of one character, one that starts outside the Latin letters and digits (a Chinese family name), or one
 * whose second character is rare.
 */
export function prefixes(value: string): Set<string> {
  const folded = fold(value)
  const found = new Set<string>()
  addPrefixes(found, folded)
  for (const word of words(folded)) addPrefixes(found, word)
  return found
}

function addPrefixes(found: Set<string>, text: string): void {
  // A character is at most two UTF-16 units, so this cut never splits one of the first sixteen.
  const characters = Array.from(text.slice(0, PREFIX_CHARACTERS_MAX * 2)).slice(0, PREFIX_CHARACTERS_MAX)
  const first = characters[0]
  if (first === undefined) return
  if (!isPlainLetter(first) || !isForeseen(characters[1])) found.add(first)
  let prefix = ''
  for (let i = 0; i < characters.length; i++) {
    prefix += characters[i]
    if (isPrefixLength(i + 1)) found.add(prefix)
  }
}

/** Each up to ten, then every second: few names are longer, but of those that are many begin alike. */
function isPrefixLength(length: number): boolean {
  return length >= PREFIX_CHARACTERS_MIN && (length <= EACH_PREFIX_UP_TO || length % 2 === 0)
}

const PLAIN_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** What usually follows the first letter of a name or word. */
const FORESEEN = `${PLAIN_LETTERS} -.,`

function isForeseen(character: string | undefined): boolean {
  return character !== undefined && FORESEEN.includes(character)
}

function isPlainLetter(character: string): boolean {
  return PLAIN_LETTERS.includes(character)
}

/** Which prefix tokens to look up for a starts-with query; made by `prefixQuery`. */
export interface PrefixQuery {
  /** A value that starts with the query has at least one of these among its `prefixes`. */
  anyOf: string[]
  /** True when a hit must be checked against the folded value after opening: the query is longer than any prefix kept. */
  checkValue: boolean
}

/**
 * What to look up for a starts-with query. One Latin letter is spread over the two-letter prefixes it can begin;
 * an empty query (only spaces or accents) gives none and matches nothing.
 */
export function prefixQuery(query: string): PrefixQuery {
  const folded = fold(query)
  const characters = [...folded]
  const first = characters[0]
  if (first === undefined) return { anyOf: [], checkValue: false }
  if (characters.length === 1 && isPlainLetter(first))
    return { anyOf: [first, ...Array.from(FORESEEN, (next) => first + next)], checkValue: false }
  let length = Math.min(characters.length, PREFIX_CHARACTERS_MAX)
  while (length > PREFIX_CHARACTERS_MIN && !isPrefixLength(length)) length--
  return { anyOf: [characters.slice(0, length).join('')], checkValue: characters.length > length }
}

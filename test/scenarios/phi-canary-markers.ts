import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateRawSync, constants as zlib } from 'node:zlib'

/** No word and no name holds it, so that a hit is a leak; `marker('family')` says which field it came from. */
export const STEM = 'qzvyxkwj'
/** Part of every telephone number and identifier of the canary. */
export const DIGITS = '8264093175'
export const BIRTH_DATE = '1871-03-29'
export const DEATH_TIME = '1942-11-13T08:15:27Z'

export function marker(field: string): string {
  return `${STEM.charAt(0).toUpperCase()}${STEM.slice(1)}${field}`
}

/** A place where a marker was found. */
export interface Hit {
  where: string
  pattern: string
  /** What stands around it, to tell which field leaked. */
  context: string
}

interface Pattern {
  name: string
  bytes: Buffer
}

const DAY_MS = 86_400_000
const birthMs = Date.parse(BIRTH_DATE)
const deathMs = Date.parse(DEATH_TIME)

/**
 * UTF-8, UTF-16 in both byte orders, base64 at its three alignments and hexadecimal, of each writing of each marker; and
 * the dates as PostgreSQL stores a bigint. Compressed text cannot be found this way: see `expanded`.
 */
const PATTERNS: readonly Pattern[] = [
  ...[STEM, STEM.toUpperCase(), marker('')].flatMap(encodings),
  ...[DIGITS, BIRTH_DATE, BIRTH_DATE.replaceAll('-', ''), DEATH_TIME.slice(0, 10), DEATH_TIME.slice(0, 19)].flatMap(
    encodings,
  ),
  ...[birthMs, birthMs + DAY_MS - 1, deathMs, deathMs + 999].flatMap((ms) => [
    ...encodings(String(ms)),
    { name: `${ms} as bigint`, bytes: bigintBytes(ms) },
  ]),
]

function encodings(text: string): Pattern[] {
  const utf8 = Buffer.from(text)
  const utf16 = Buffer.from(text, 'utf16le')
  return [
    { name: `${text} in UTF-8`, bytes: utf8 },
    { name: `${text} in UTF-16LE`, bytes: utf16 },
    { name: `${text} in UTF-16BE`, bytes: Buffer.from(utf16).swap16() },
    { name: `${text} in hex`, bytes: Buffer.from(utf8.toString('hex')) },
    { name: `${text} in HEX`, bytes: Buffer.from(utf8.toString('hex').toUpperCase()) },
    ...[0, 1, 2].map((shift) => ({
      name: `${text} in base64, shifted by ${shift}`,
      bytes: Buffer.from(base64Inside(utf8, shift)),
    })),
  ]
}

/** The base64 characters that depend on nothing but `bytes` when they begin `shift` bytes into a group of three. */
function base64Inside(bytes: Buffer, shift: number): string {
  const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
  return whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
}

function bigintBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

/** All markers in `bytes`, one hit per pattern. */
export function hitsIn(where: string, bytes: Buffer): Hit[] {
  const hits: Hit[] = []
  for (const { name, bytes: wanted } of PATTERNS) {
    const at = bytes.indexOf(wanted)
    if (at < 0) continue
    const around = bytes.toString('latin1', Math.max(0, at - 60), at + wanted.length + 60)
    hits.push({ where, pattern: name, context: around.replace(/[^\x20-\x7e]+/g, '.') })
  }
  return hits
}

/** All markers in the files below `directory`; `except` names directories that are not looked into. */
export function hitsBelow(directory: string, except: readonly string[]): { hits: Hit[]; bytes: number } {
  const found = { hits: [] as Hit[], bytes: 0 }
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const stat = lstatSync(path)
    if (stat.isDirectory() && !except.includes(name)) {
      const below = hitsBelow(path, except)
      found.hits.push(...below.hits)
      found.bytes += below.bytes
    } else if (stat.isFile()) {
      found.bytes += stat.size
      found.hits.push(...hitsIn(path, Buffer.concat([Buffer.from(`${name}\n`), readFileSync(path)])))
    }
  }
  return found
}

/** A header of any envelope is shorter. */
const HEADER_BYTES_MAX = 64
const EXPANDED_BYTES_MAX = 1024 * 1024
/** Deflate with any preset dictionary opens with this one too: only what came from the dictionary is then garbage. */
const ANY_DICTIONARY = Buffer.alloc(32 * 1024)

/**
 * What a stored value holds when it was compressed but not sealed: every reading as raw deflate or as an LZ4 block that
 * begins within the first bytes. Sealed bytes give noise, or nothing.
 */
export function expanded(value: Buffer): Buffer[] {
  const readings: Buffer[] = []
  for (let start = 0; start < Math.min(HEADER_BYTES_MAX, value.length); start++) {
    const packed = value.subarray(start)
    readings.push(lz4Reading(packed))
    try {
      readings.push(
        inflateRawSync(packed, {
          dictionary: ANY_DICTIONARY,
          finishFlush: zlib.Z_SYNC_FLUSH,
          maxOutputLength: EXPANDED_BYTES_MAX,
        }),
      )
    } catch {
      // No deflate stream begins here.
    }
  }
  return readings
}

/** As far as the bytes make sense; what would come from a dictionary is zeros. */
function lz4Reading(packed: Buffer): Buffer {
  const plain: number[] = []
  let at = 0
  const length = (low: number): number => {
    let sum = low
    if (low === 15) for (let more = 255; more === 255 && at < packed.length; sum += more) more = packed[at++] as number
    return sum
  }
  while (at < packed.length && plain.length < EXPANDED_BYTES_MAX) {
    const token = packed[at++] as number
    const literals = length(token >> 4)
    plain.push(...packed.subarray(at, at + literals))
    at += literals
    if (at + 2 > packed.length) break
    const distance = packed.readUInt16LE(at)
    at += 2
    for (let left = length(token & 15) + 4; left > 0; left--) plain.push(plain[plain.length - distance] ?? 0)
  }
  return Buffer.from(plain)
}

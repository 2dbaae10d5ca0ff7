import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { dictionaryBytes, dictionaryNumber } from './dictionaries.ts'

/** What went into a sealed body: its bytes, and the dictionary needed to read them back. */
export interface Compressed {
  bytes: Buffer
  /** 0: stored as it is. */
  dictionary: number
}

/**
 * A window of 4 kB and little working memory cost half the time of zlib's defaults on a body of 800 bytes
 * (11 against 21 us), because the state to clear is small; 15 bytes per body are lost.
 */
const SMALL_WINDOW_BITS = 12
const SMALL_MEMORY_LEVEL = 4
/** Above this the wider window of 32 kB pays for its set-up. */
const SMALL_BYTES_MAX = 8 * 1024
const WIDE_WINDOW_BITS = 15
/** Above this the fastest level is used, so that a scanned document of 16 MB does not hold the event loop for half a second. */
const THOROUGH_BYTES_MAX = 256 * 1024
/** zlib allocates its output in pieces of this size; its default of 16 kB costs 1 to 3 us for a body of 800 bytes. */
const CHUNK_BYTES_MIN = 1024
const CHUNK_BYTES_MAX = 64 * 1024
/** What a body may grow to when opened: twice the largest request accepted. Only a holder of the keys could exceed it. */
const OPENED_BYTES_MAX = 128 * 1024 * 1024

/** Compress with the preset dictionary of the resource type numbered `type`; 0 takes the one of no type. */
export function compress(plain: Buffer, type: number): Compressed {
  const number = dictionaryNumber(type)
  const dictionary = dictionaryBytes(number)
  if (!dictionary) return { bytes: plain, dictionary: 0 }
  const small = plain.length <= SMALL_BYTES_MAX
  const bytes = deflateRawSync(plain, {
    dictionary,
    windowBits: small ? SMALL_WINDOW_BITS : WIDE_WINDOW_BITS,
    memLevel: small ? SMALL_MEMORY_LEVEL : 8,
    level: plain.length <= THOROUGH_BYTES_MAX ? 6 : 1,
    chunkSize: chunkBytes(plain.length / 2),
  })
  // Images and other things already compressed inside base64 may not shrink; then nothing need be inflated later.
  return bytes.length < plain.length ? { bytes, dictionary: number } : { bytes: plain, dictionary: 0 }
}

/** The inverse of `compress`; throws when the bytes are not what `compress` made, or the dictionary is unknown. */
export function expand(bytes: Buffer, dictionary: number): Buffer {
  if (dictionary === 0) return bytes
  const preset = dictionaryBytes(dictionary)
  if (!preset) throw new RangeError('unknown dictionary')
  return inflateRawSync(bytes, {
    dictionary: preset,
    windowBits: WIDE_WINDOW_BITS,
    chunkSize: chunkBytes(bytes.length * 5),
    maxOutputLength: OPENED_BYTES_MAX,
  })
}

function chunkBytes(expected: number): number {
  return Math.min(Math.max(Math.ceil(expected / 1024) * 1024, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX)
}

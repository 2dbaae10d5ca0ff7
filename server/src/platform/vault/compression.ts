import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { dictionaryBytes, dictionaryNumber } from './dictionaries.ts'
import { LZ4_INPUT_BYTES_MAX, type Lz4Dictionary, lz4Compress, lz4Dictionary, lz4Expand } from './lz4-block.ts'

/** What went into a sealed body: its bytes, and how to read them back. */
export interface Compressed {
  bytes: Buffer
  /** `method << 8 | dictionary`; 0: stored as it is. */
  packing: number
}

/** Whole bodies as raw deflate (RFC 1951). The only method of bodies sealed before there was another. */
const DEFLATE = 0
/** Two bytes of size, then an LZ4 block. */
const LZ4 = 1
const LZ4_SIZE_BYTES = 2
const WINDOW_BITS = 15
/** Above this the fastest level is used, so that a scanned document of 16 MB does not hold the event loop for half a second. */
const THOROUGH_BYTES_MAX = 256 * 1024
/** zlib allocates its output in pieces of this size; its default of 16 kB costs 1 to 3 us for a body of 800 bytes. */
const CHUNK_BYTES_MIN = 1024
const CHUNK_BYTES_MAX = 64 * 1024
/** What a body may grow to when opened: twice the largest request accepted. Only a holder of the keys could exceed it. */
const OPENED_BYTES_MAX = 128 * 1024 * 1024

/**
 * Compress with the preset dictionary of the resource type numbered `type`; 0 takes the one of no type. Bodies of a few
 * kilobytes, which nearly all are, by LZ4 for speed (2.4 us against 11-20 for 800 bytes); larger ones by deflate for size.
 */
export function compress(plain: Buffer, type: number): Compressed {
  const number = dictionaryNumber(type)
  const dictionary = dictionaryBytes(number)
  if (!dictionary) return { bytes: plain, packing: 0 }
  const isSmall = plain.length <= LZ4_INPUT_BYTES_MAX
  const bytes = isSmall ? lz4Packed(plain, lz4DictionaryOf(number, dictionary)) : deflated(plain, dictionary)
  // Images and other things already compressed inside base64 may not shrink; then nothing need be expanded later.
  if (bytes.length >= plain.length) return { bytes: plain, packing: 0 }
  return { bytes, packing: ((isSmall ? LZ4 : DEFLATE) << 8) | number }
}

/** The inverse of `compress`; throws when the bytes are not what `compress` made, or the method or dictionary is unknown. */
export function expand(bytes: Buffer, packing: number): Buffer {
  if (packing === 0) return bytes
  const number = packing & 0xff
  const dictionary = dictionaryBytes(number)
  if (!dictionary) throw new RangeError('unknown dictionary')
  switch (packing >> 8) {
    case LZ4:
      return lz4Expand(bytes.subarray(LZ4_SIZE_BYTES), lz4DictionaryOf(number, dictionary), bytes.readUInt16BE(0))
    case DEFLATE:
      return inflateRawSync(bytes, {
        dictionary,
        windowBits: WINDOW_BITS,
        chunkSize: chunkBytes(bytes.length * 5),
        maxOutputLength: OPENED_BYTES_MAX,
      })
    default:
      throw new RangeError('unknown compression')
  }
}

function deflated(plain: Buffer, dictionary: Buffer): Buffer {
  return deflateRawSync(plain, {
    dictionary,
    windowBits: WINDOW_BITS,
    level: plain.length <= THOROUGH_BYTES_MAX ? 6 : 1,
    chunkSize: chunkBytes(plain.length / 2),
  })
}

function lz4Packed(plain: Buffer, dictionary: Lz4Dictionary): Buffer {
  const block = lz4Compress(plain, dictionary)
  const packed = Buffer.allocUnsafe(LZ4_SIZE_BYTES + block.length)
  packed.writeUInt16BE(plain.length)
  packed.set(block, LZ4_SIZE_BYTES)
  return packed
}

const lz4Dictionaries = new Map<number, Lz4Dictionary>()

function lz4DictionaryOf(number: number, text: Buffer): Lz4Dictionary {
  const known = lz4Dictionaries.get(number)
  if (known) return known
  const made = lz4Dictionary(text)
  lz4Dictionaries.set(number, made)
  return made
}

function chunkBytes(expected: number): number {
  return Math.min(Math.max(Math.ceil(expected / 1024) * 1024, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX)
}

import { assert } from '#kernel'
import { HMAC_WORDS, hmacDigest, hmacKey } from './hmac.ts'

/** Makes and checks the public ids of one tenant; see `Vault.publicId`. */
export interface PublicIds {
  publicId(type: number, rid: number): string
  ridOf(type: number, id: string): number | undefined
}

/**
 * Public ids are UUIDv8 (RFC 9562, 5.8): 60 bits of masked resource number and 62 bits of keyed MAC over
 * (tenant, type, number), so an id that we did not issue, or of another type or tenant, is known as such without SQL.
 * The number is masked with a keyed function of the MAC, as in a synthetic-IV cipher: ids of neighbours look
 * unrelated and nobody learns how many resources there are, or who came after whom.
 */
export function createPublicIds(secret: Buffer, tenant: number, implementation: 'javascript' | 'native'): PublicIds {
  const root = hmacKey(secret, implementation)
  const macKey = hmacKey(hmacDigest(root, 'mac'), implementation)
  const maskKey = hmacKey(hmacDigest(root, 'mask'), implementation)
  let mac30 = 0
  let mac32 = 0
  let mask28 = 0
  let mask32 = 0

  function computeMac(type: number, rid: number): void {
    macKey.compute(`${tenant}/${type}/${rid}`)
    mac30 = (HMAC_WORDS[0] as number) & 0x3fffffff
    mac32 = HMAC_WORDS[1] as number
  }

  function computeMask(visible30: number, visible32: number): void {
    maskKey.compute(`${visible30}/${visible32}`)
    mask28 = (HMAC_WORDS[0] as number) & 0x0fffffff
    mask32 = HMAC_WORDS[1] as number
  }

  return {
    publicId(type, rid) {
      assert(Number.isSafeInteger(rid) && rid > 0, 'a resource number is a positive safe integer')
      computeMac(type, rid)
      computeMask(mac30, mac32)
      const high = Math.floor(rid / 0x1_0000_0000) ^ mask28
      const low = ((rid % 0x1_0000_0000) | 0) ^ mask32
      return (
        hex16((high >>> 12) & 0xffff) +
        hex16(((high << 4) | (low >>> 28)) & 0xffff) +
        '-' +
        hex16((low >>> 12) & 0xffff) +
        '-' +
        hex16(0x8000 | (low & 0xfff)) +
        '-' +
        hex16(0x8000 | (mac30 >>> 16)) +
        '-' +
        hex16(mac30 & 0xffff) +
        hex16(mac32 >>> 16) +
        hex16(mac32 & 0xffff)
      )
    },

    ridOf(type, id) {
      if (!isUuidV8(id)) return undefined
      const visible30 = ((hex(id, 19, 4) & 0x3fff) << 16) | hex(id, 24, 4)
      const visible32 = (hex(id, 28, 4) << 16) | hex(id, 32, 4) | 0
      const high = (hex(id, 0, 4) << 12) | (hex(id, 4, 4) >>> 4)
      const low = (hex(id, 4, 4) << 28) | (hex(id, 9, 4) << 12) | (hex(id, 14, 4) & 0xfff)
      computeMask(visible30, visible32)
      const rid = (high ^ mask28) * 0x1_0000_0000 + ((low ^ mask32) >>> 0)
      if (!Number.isSafeInteger(rid) || rid <= 0) return undefined
      computeMac(type, rid)
      // Both halves are always compared, so the time taken tells nothing about how much of a guess was right.
      return ((mac30 ^ visible30) | (mac32 ^ visible32)) === 0 ? rid : undefined
    },
  }
}

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hex16(value: number): string {
  return (HEX_BYTES[value >>> 8] as string) + (HEX_BYTES[value & 0xff] as string)
}

/** Value of a lower-case hexadecimal digit by character code; 255 for anything else. */
const DIGITS = new Uint8Array(128).fill(255)
for (let i = 0; i < 16; i++) DIGITS['0123456789abcdef'.charCodeAt(i)] = i

function hex(id: string, start: number, length: number): number {
  let value = 0
  for (let i = start; i < start + length; i++) value = (value << 4) | (DIGITS[id.charCodeAt(i)] as number)
  return value
}

/** FHIR ids are case-sensitive, so only the lower-case form that we issue is ours. */
function isUuidV8(id: string): boolean {
  if (id.length !== 36) return false
  for (let i = 0; i < 36; i++) {
    const unit = id.charCodeAt(i)
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (unit !== 0x2d) return false
    } else if (unit > 127 || DIGITS[unit] === 255) return false
  }
  return id.charCodeAt(14) === 0x38 && (hex(id, 19, 1) & 0xc) === 8
}

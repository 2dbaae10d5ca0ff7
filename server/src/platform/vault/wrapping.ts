import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { raise } from '#kernel'
import { freshNonce, NONCE_BYTES, TAG_BYTES } from './envelope.ts'

/** What a wrapped key is and where it belongs; bound into the wrapping, so that rows cannot be exchanged. */
export interface KeyPlace {
  kind: 'patient' | 'tenant'
  tenant: number
  epoch: number
  version: number
  /** The patient's number, or the purpose of a tenant's key. */
  subject: number
  /** 0 for a tenant's key. */
  lineage: number
}

const PLACE_BYTES = 29
const place = Buffer.alloc(PLACE_BYTES)

/** nonce 12 | ciphertext 32 | tag 16, by AES-256-GCM under the branch key of `at.epoch`. */
export function wrapKey(branchKey: KeyObject, key: Buffer, at: KeyPlace): Buffer {
  const nonce = freshNonce()
  const cipher = createCipheriv('aes-256-gcm', branchKey, nonce)
  cipher.setAAD(placeBytes(at))
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
}

/** The inverse; fault `vault.integrity` when the row was changed or moved. The caller clears the bytes it gets. */
export function unwrapKey(branchKey: KeyObject, wrapped: Buffer, at: KeyPlace): Buffer {
  const end = wrapped.length - TAG_BYTES
  if (end !== NONCE_BYTES + 32) return damaged()
  try {
    const decipher = createDecipheriv('aes-256-gcm', branchKey, wrapped.subarray(0, NONCE_BYTES))
    decipher.setAAD(placeBytes(at))
    decipher.setAuthTag(wrapped.subarray(end))
    const key = decipher.update(wrapped.subarray(NONCE_BYTES, end))
    decipher.final()
    return key
  } catch (error) {
    return damaged(error)
  }
}

function placeBytes(at: KeyPlace): Buffer {
  place[0] = at.kind === 'patient' ? 1 : 2
  place.writeUInt32BE(at.tenant, 1)
  place.writeUInt32BE(at.epoch, 5)
  place.writeUInt32BE(at.version, 9)
  place.writeUInt32BE(Math.floor(at.subject / 0x1_0000_0000), 13)
  place.writeUInt32BE(at.subject % 0x1_0000_0000, 17)
  place.writeUInt32BE(Math.floor(at.lineage / 0x1_0000_0000), 21)
  place.writeUInt32BE(at.lineage % 0x1_0000_0000, 25)
  return place
}

function damaged(cause?: unknown): never {
  return raise(
    {
      category: 'bug',
      code: 'vault.integrity',
      message: 'A wrapped key in the key store was changed outside Salus. Restore the key store from its backup.',
    },
    cause,
  )
}

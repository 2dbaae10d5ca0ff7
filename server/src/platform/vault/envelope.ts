import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { assert, raise } from '#kernel'
import { compress, expand } from './compression.ts'
import { type DataKey, KEY_CLASS } from './keys.ts'

/**
 * Which row a body belongs to: bound into the seal as additional authenticated data, never stored with it. A body
 * pasted into another row, an older version put back, or a row carried to another tenant or patient does not open.
 */
export interface Aad {
  tenant: number
  /** Resource type number; 0 for what is not a resource. */
  type: number
  rid: number
  version: number
  /** The one patient the body belongs to, 0 for none. Decides the key. */
  patient: number
}

/**
 * version 1 | algorithm 1 | compression 1 | dictionary 1 | key class 1 | key version 2 | subkey 4 (not for patients' keys) |
 * nonce 12 | ciphertext | tag 16. 35 bytes more than the compressed body.
 */
const FORMAT = 1
const AES_256_GCM = 1
/** Benchmarks only: the compressed body as it is. A vault that seals takes it for tampering. */
const UNSAFE_PLAINTEXT = 0x7f

const PATIENT_HEADER_BYTES = 7
const TENANT_HEADER_BYTES = 11
export const NONCE_BYTES = 12
export const TAG_BYTES = 16
const AAD_FIELDS_BYTES = 26
/** Large enough that a longer version number would be a bug elsewhere. */
const AAD_BYTES_MAX = TENANT_HEADER_BYTES + AAD_FIELDS_BYTES

/** Header and fields of the seal at hand; setAAD copies them. */
const aadScratch = Buffer.alloc(AAD_BYTES_MAX)

/** Random bytes drawn in blocks: one call per 341 nonces. Each byte is used once. */
const nonces = Buffer.alloc(NONCE_BYTES * 341)
let noncePosition = nonces.length

/** Twelve fresh random bytes; valid until the next call. */
export function freshNonce(): Buffer {
  if (noncePosition === nonces.length) {
    randomFillSync(nonces)
    noncePosition = 0
  }
  const nonce = nonces.subarray(noncePosition, noncePosition + NONCE_BYTES)
  noncePosition += NONCE_BYTES
  return nonce
}

export function sealEnvelope(
  key: DataKey,
  aad: Aad,
  plain: Buffer,
  options: { dictionaryType: number; unsafePlaintext: boolean },
): Buffer {
  assert(
    key.tenant === aad.tenant && key.patient === aad.patient,
    'a body is sealed under the key of its own tenant and patient',
  )
  const { bytes, packing } = compress(plain, options.dictionaryType)
  const { version, subkey, secret } = key.sealing()
  const headerBytes = key.keyClass === KEY_CLASS.patient ? PATIENT_HEADER_BYTES : TENANT_HEADER_BYTES
  const sealed = Buffer.allocUnsafe(headerBytes + NONCE_BYTES + bytes.length + TAG_BYTES)
  sealed[0] = FORMAT
  sealed[1] = options.unsafePlaintext ? UNSAFE_PLAINTEXT : AES_256_GCM
  sealed.writeUInt16BE(packing, 2)
  sealed[4] = key.keyClass
  sealed.writeUInt16BE(version, 5)
  if (headerBytes === TENANT_HEADER_BYTES) sealed.writeUInt32BE(subkey, 7)
  const start = headerBytes + NONCE_BYTES
  if (options.unsafePlaintext) {
    sealed.fill(0, headerBytes, start)
    bytes.copy(sealed, start)
    sealed.fill(0, start + bytes.length)
    return sealed
  }
  const nonce = freshNonce()
  nonce.copy(sealed, headerBytes)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce)
  cipher.setAAD(additionalData(sealed, headerBytes, aad))
  cipher.update(bytes).copy(sealed, start)
  cipher.final()
  cipher.getAuthTag().copy(sealed, start + bytes.length)
  return sealed
}

export function openEnvelope(key: DataKey, aad: Aad, sealed: Buffer, options: { unsafePlaintext: boolean }): Buffer {
  if (sealed.length > 1 && (sealed[0] as number) > FORMAT) return newerFormat()
  const headerBytes = sealed[4] === KEY_CLASS.patient ? PATIENT_HEADER_BYTES : TENANT_HEADER_BYTES
  const start = headerBytes + NONCE_BYTES
  const end = sealed.length - TAG_BYTES
  if (end < start || sealed[0] !== FORMAT || sealed[4] !== key.keyClass) return tampered()
  if (key.tenant !== aad.tenant || key.patient !== aad.patient) return tampered()
  const packing = sealed.readUInt16BE(2)
  if (sealed[1] === UNSAFE_PLAINTEXT && options.unsafePlaintext) return expand(sealed.subarray(start, end), packing)
  const secret = key.find(sealed.readUInt16BE(5), headerBytes === TENANT_HEADER_BYTES ? sealed.readUInt32BE(7) : 0)
  if (sealed[1] !== AES_256_GCM || !secret) return tampered()
  let compressed: Buffer
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(headerBytes, start))
    decipher.setAAD(additionalData(sealed, headerBytes, aad))
    decipher.setAuthTag(sealed.subarray(end))
    compressed = decipher.update(sealed.subarray(start, end))
    decipher.final()
  } catch (error) {
    return tampered(error)
  }
  return expand(compressed, packing)
}

/**
 * The version of the key a patient's body is sealed under, read from its header without opening it: tells what is
 * left to seal again during a rotation. Not authenticated until the body is opened.
 */
export function sealedKeyVersion(sealed: Buffer): number {
  return sealed.readUInt16BE(5)
}

/** Fixed widths, so that no two rows give the same bytes. */
function additionalData(sealed: Buffer, headerBytes: number, aad: Aad): Buffer {
  sealed.copy(aadScratch, 0, 0, headerBytes)
  let at = aadScratch.writeUInt32BE(aad.tenant, headerBytes)
  at = aadScratch.writeUInt16BE(aad.type, at)
  at = writeSafeInteger(aad.rid, at)
  at = aadScratch.writeUInt32BE(aad.version, at)
  at = writeSafeInteger(aad.patient, at)
  return aadScratch.subarray(0, at)
}

function writeSafeInteger(value: number, at: number): number {
  aadScratch.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
  return aadScratch.writeUInt32BE(value % 0x1_0000_0000, at + 4)
}

function tampered(cause?: unknown): never {
  return raise(
    {
      category: 'bug',
      code: 'vault.integrity',
      message:
        'A sealed body does not belong to its row, or was changed outside Salus. Nothing was disclosed. Keep the database as it is and run "salus audit verify".',
    },
    cause,
  )
}

function newerFormat(): never {
  return raise({
    category: 'unsupported',
    code: 'vault.newer-format',
    message: 'This body was sealed by a newer Salus. Upgrade this server.',
  })
}

import { createCipheriv, createDecipheriv } from 'node:crypto'
import { freshNonce, NONCE_BYTES, TAG_BYTES } from './envelope.ts'
import type { TenantKey } from './keys.ts'

/** version 1 | key version 2 | subkey 4 | nonce 12 | ciphertext | tag 16, as base64url. */
const FORMAT = 1
const HEADER_BYTES = 7

/** Seal a short text, such as a page token or a client's secret, for one purpose and the context named by `aad`. */
export function sealShortText(key: TenantKey, value: string, aad: string): string {
  const { version, subkey, secret } = key.sealing()
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = FORMAT
  header.writeUInt16BE(version, 1)
  header.writeUInt32BE(subkey, 3)
  const nonce = freshNonce()
  const cipher = createCipheriv('aes-256-gcm', secret, nonce)
  cipher.setAAD(additionalData(header, key.tenant, aad))
  return Buffer.concat([header, nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  )
}

/** The text, or undefined when it was not sealed for this purpose and context, or was changed. */
export function openShortText(key: TenantKey, text: string, aad: string): string | undefined {
  const sealed = Buffer.from(text, 'base64url')
  const start = HEADER_BYTES + NONCE_BYTES
  const end = sealed.length - TAG_BYTES
  if (end < start || sealed[0] !== FORMAT || sealed.toString('base64url') !== text) return undefined
  const secret = key.find(sealed.readUInt16BE(1), sealed.readUInt32BE(3))
  if (!secret) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(HEADER_BYTES, start))
    decipher.setAAD(additionalData(sealed.subarray(0, HEADER_BYTES), key.tenant, aad))
    decipher.setAuthTag(sealed.subarray(end))
    return decipher.update(sealed.subarray(start, end), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}

function additionalData(header: Buffer, tenant: number, aad: string): Buffer {
  return Buffer.concat([header, Buffer.from(`\0${tenant}\0${aad}`)])
}

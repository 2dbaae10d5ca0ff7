import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { raise } from '#kernel'

/** The key that signs checkpoints. */
export interface SigningKey {
  privateKey: KeyObject
  publicKey: KeyObject
}

/** Name of the private key's file in the key directory (PEM, PKCS #8, mode 0600). */
export const SIGNING_KEY_FILE = 'audit-signing.key'
/** Name of the public key's file beside it (PEM, SPKI): all that verification needs. */
export const PUBLIC_KEY_FILE = 'audit-signing.pub'

/**
 * The Ed25519 key in `directory`, made when there is none and `create` says so: PEM, mode 0600, the public key beside it.
 * It never enters the database: who can rewrite the log must not be able to sign what he made of it.
 * Faults: `audit.key.missing`, `audit.key.permissions`, `audit.key.unreadable`.
 */
export function loadSigningKey(directory: string, options: { create: boolean }): SigningKey {
  const path = join(directory, SIGNING_KEY_FILE)
  if (options.create) createKey(directory, path)
  const pem = readKey(path)
  if ((statSync(path).mode & 0o077) !== 0)
    raise({
      category: 'invalid',
      code: 'audit.key.permissions',
      message: `Others can read ${path}. Run "chmod 600" on it, and replace the key if anyone may have copied it.`,
    })
  const privateKey = parsed(path, () => createPrivateKey(pem))
  const publicKey = createPublicKey(privateKey)
  if (options.create) keepPublicKey(directory, publicKey)
  return { privateKey, publicKey }
}

/** The public key in the PEM file at `path`, which is all that verification needs. Faults: `audit.key.missing`, `audit.key.unreadable`. */
export function loadPublicKey(path: string): KeyObject {
  let pem: Buffer
  try {
    pem = readFileSync(path)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code
    return raise(
      {
        category: 'invalid',
        code: 'audit.key.missing',
        message: `Cannot read the public key ${path} (${why}). Name the public key of the installation that wrote the log: it is in the folder keys of its data directory.`,
      },
      error,
    )
  }
  return parsed(path, () => createPublicKey(pem))
}

function createKey(directory: string, path: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ed25519')
  try {
    // Fails when the file is there: two processes that start together agree on the first one's key.
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600, flush: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    throw error
  }
}

/** Lay the public key beside the private one, unless it is there: a process may have been killed between the two files. */
export function keepPublicKey(directory: string, publicKey: KeyObject): void {
  const path = join(directory, PUBLIC_KEY_FILE)
  if (existsSync(path)) return
  // Whole or not at all: a reader may come while it is written.
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644, flush: true })
  chmodSync(draft, 0o644)
  renameSync(draft, path)
}

function readKey(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    return raise(
      {
        category: 'invalid',
        code: 'audit.key.missing',
        message: `Cannot read the audit key ${path} (${(error as NodeJS.ErrnoException).code}). Put it back from your key backup: without it no checkpoint can be signed.`,
      },
      error,
    )
  }
}

function parsed(path: string, parse: () => KeyObject): KeyObject {
  try {
    const key = parse()
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Answered below: the parser's message says nothing an operator can use.
  }
  return raise({ category: 'invalid', code: 'audit.key.unreadable', message: `${path} holds no Ed25519 key in PEM.` })
}

import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { raise } from '#kernel'
import { type BranchPlace, type RootKey, wrongRootKey } from './root-key.ts'

/** fingerprint 8 | nonce 12 | ciphertext 32 | tag 16 */
const FINGERPRINT_BYTES = 8
const NONCE_BYTES = 12
const WRAPPED_BYTES = FINGERPRINT_BYTES + NONCE_BYTES + 32 + 16
const OTHERS_MAY_READ = 0o077

interface KeyFile {
  path: string
  fingerprint: string
  secret: KeyObject
}

/**
 * The root key as 32 random bytes, base64, in a file that only its owner may read. Meant for one machine, a pilot, or
 * a secret mounted by an orchestrator. Rotation keeps the former key beside it (`root.key.<fingerprint>.retired`),
 * because backups taken before still need it; move it away when they have expired.
 */
export function fileRootKey(path: string): RootKey {
  return {
    provider: 'file',
    async prepare({ mayCreate }) {
      if (mayCreate && !(await exists(path))) await writeNewKey(path)
      await readKey(path)
    },
    async wrap(branchKey, place) {
      return wrapWith(await wrappingKey(path), branchKey, place)
    },
    async unwrap(wrapped, place) {
      if (wrapped.length !== WRAPPED_BYTES) return wrongRootKey()
      const fingerprint = wrapped.toString('hex', 0, FINGERPRINT_BYTES)
      const key = (await allKeys(path)).find((candidate) => candidate.fingerprint === fingerprint)
      return key ? unwrapWith(key.secret, wrapped, place) : wrongRootKey()
    },
    async rotate() {
      if (!(await nextKey(path))) await writeNewKey(`${path}.next`)
    },
    async finishRotation() {
      if (!(await nextKey(path))) return
      const former = await readKey(path)
      await link(path, `${path}.${former.fingerprint}.retired`).catch(unlessExists)
      await rename(`${path}.next`, path)
      await syncDirectory(dirname(path))
    },
  }
}

/** A rotation that was cut off leaves `root.key.next` behind: it wraps until the rotation is run to its end. */
async function wrappingKey(path: string): Promise<KeyFile> {
  return (await nextKey(path)) ?? (await readKey(path))
}

async function nextKey(path: string): Promise<KeyFile | undefined> {
  return (await exists(`${path}.next`)) ? readKey(`${path}.next`) : undefined
}

/** The key, one being rotated in, and retired ones: a restored backup may be wrapped under any of them. */
async function allKeys(path: string): Promise<KeyFile[]> {
  const names = await readdir(dirname(path))
  const others = names.filter((name) => name.startsWith(`${basename(path)}.`) && /\.(next|retired)$/.test(name))
  const read = [path, ...others.map((name) => join(dirname(path), name))].map(readKey)
  return Promise.all(read)
}

async function readKey(path: string): Promise<KeyFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? missing(path) : unreadable(path, error),
  )
  const bytes = Buffer.from(text.trim(), 'base64')
  if (bytes.length !== 32 || !/^[A-Za-z0-9+/]{43}=$/.test(text.trim()))
    raise({
      category: 'invalid',
      code: 'vault.root-key-malformed',
      message: `${path} must hold 32 bytes as base64 and nothing else. Restore it from your safe copy.`,
    })
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0)
    raise({
      category: 'invalid',
      code: 'vault.root-key-exposed',
      message: `Others may read the root key. Run: chmod 600 ${path}`,
    })
  const fingerprint = createHash('sha256')
    .update('salus root key\0')
    .update(bytes)
    .digest('hex')
    .slice(0, FINGERPRINT_BYTES * 2)
  const secret = createSecretKey(bytes)
  bytes.fill(0)
  return { path, fingerprint, secret }
}

/** Written beside, forced to disk, then linked into place: never half a key, and never over one that another process made. */
async function writeNewKey(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${randomBytes(32).toString('base64')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await chmod(draft, 0o600)
  await link(draft, path).catch(unlessExists)
  await rm(draft)
  await syncDirectory(dirname(path))
}

/** A renamed or linked file is durable only when its directory is. Windows has no such call, and needs none. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function wrapWith({ fingerprint, secret }: KeyFile, branchKey: Buffer, place: BranchPlace): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce)
  cipher.setAAD(placeBytes(place))
  const sealed = Buffer.concat([cipher.update(branchKey), cipher.final()])
  return Buffer.concat([Buffer.from(fingerprint, 'hex'), nonce, sealed, cipher.getAuthTag()])
}

function unwrapWith(secret: KeyObject, wrapped: Buffer, place: BranchPlace): Buffer {
  const body = wrapped.subarray(FINGERPRINT_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', secret, body.subarray(0, NONCE_BYTES))
  decipher.setAAD(placeBytes(place))
  decipher.setAuthTag(body.subarray(-16))
  try {
    return Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, -16)), decipher.final()])
  } catch (error) {
    return wrongRootKey(error)
  }
}

function placeBytes({ tenant, epoch }: BranchPlace): Buffer {
  return Buffer.from(`salus branch key\0${tenant}\0${epoch}`)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function unlessExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

function missing(path: string): never {
  return raise({
    category: 'invalid',
    code: 'vault.root-key-missing',
    message: `The database is sealed, but its root key ${path} is missing. Restore the file from your safe copy; without it nothing can be read. No new key was made.`,
  })
}

function unreadable(path: string, error: NodeJS.ErrnoException): never {
  return raise(
    {
      category: 'invalid',
      code: 'vault.root-key-unreadable',
      message: `Cannot read the root key ${path} (${error.code}). Check its owner and permissions.`,
    },
    error,
  )
}

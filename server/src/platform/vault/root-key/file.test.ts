import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { FaultError } from '#kernel'
import { fileRootKey } from './file.ts'

let directory = ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'salus-root-key-'))
})
after(() => rm(directory, { recursive: true }))

let count = 0
const newPath = (): string => join(directory, `case${++count}`, 'root.key')
const place = { tenant: 1, epoch: 1 }

async function refuses(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => error instanceof FaultError && error.fault.code === code)
}

test('the key file is made once, for its owner only, and wraps what it unwraps', async () => {
  const path = newPath()
  await fileRootKey(path).prepare({ mayCreate: true })
  const { mode } = await stat(path)
  assert.equal(mode & 0o777, 0o600)
  const text = await readFile(path, 'utf8')
  await fileRootKey(path).prepare({ mayCreate: true })
  assert.equal(await readFile(path, 'utf8'), text)
  const branch = randomBytes(32)
  const wrapped = await fileRootKey(path).wrap(branch, place)
  assert.deepEqual(await fileRootKey(path).unwrap(wrapped, place), branch)
  assert.equal(wrapped.includes(branch), false)
})

test('processes that start together agree on one key', async () => {
  const path = newPath()
  const roots = Array.from({ length: 8 }, () => fileRootKey(path))
  await Promise.all(roots.map((root) => root.prepare({ mayCreate: true })))
  const wrapped = await Promise.all(roots.map((root) => root.wrap(randomBytes(32), place)))
  for (const one of wrapped) await (roots[0] as (typeof roots)[0]).unwrap(one, place)
  assert.deepEqual(await readdir(join(path, '..')), ['root.key'])
})

test('a missing file is never replaced once there is something to lose', async () => {
  const path = newPath()
  await refuses(fileRootKey(path).prepare({ mayCreate: false }), 'vault.root-key-missing')
  await assert.rejects(stat(path))
})

test('a wrapping opens under its key and for its branch key only', async () => {
  const [path, other] = [newPath(), newPath()]
  const [root, stranger] = [fileRootKey(path), fileRootKey(other)]
  await root.prepare({ mayCreate: true })
  await stranger.prepare({ mayCreate: true })
  const wrapped = await root.wrap(randomBytes(32), place)
  await refuses(stranger.unwrap(wrapped, place), 'vault.wrong-root-key')
  await refuses(root.unwrap(wrapped, { tenant: 2, epoch: 1 }), 'vault.wrong-root-key')
  await refuses(root.unwrap(wrapped, { tenant: 1, epoch: 2 }), 'vault.wrong-root-key')
  await refuses(root.unwrap(wrapped.subarray(1), place), 'vault.wrong-root-key')
  wrapped[30] = (wrapped[30] as number) ^ 1
  await refuses(root.unwrap(wrapped, place), 'vault.wrong-root-key')
})

test('a file that others may read, or that holds something else, is refused with what to do', async () => {
  const path = newPath()
  const root = fileRootKey(path)
  await root.prepare({ mayCreate: true })
  if (process.platform !== 'win32') {
    await chmod(path, 0o644)
    await refuses(root.prepare({ mayCreate: false }), 'vault.root-key-exposed')
    await chmod(path, 0o600)
  }
  for (const text of ['', 'hello', randomBytes(16).toString('base64'), `${randomBytes(32).toString('base64')}x`]) {
    await writeFile(path, text)
    await refuses(root.prepare({ mayCreate: false }), 'vault.root-key-malformed')
  }
  await rm(path)
  await writeFile(join(path, '..', 'other'), '')
  await refuses(
    fileRootKey(join(path, '..', 'other', 'root.key')).prepare({ mayCreate: false }),
    'vault.root-key-unreadable',
  )
})

test('after a rotation old wrappings still open, also when it was cut off anywhere', async () => {
  const path = newPath()
  const root = fileRootKey(path)
  await root.prepare({ mayCreate: true })
  const branch = randomBytes(32)
  const old = await root.wrap(branch, place)
  await root.rotate()
  // Cut off here: the next process wraps under the new key and still reads the old.
  const restarted = fileRootKey(path)
  await restarted.prepare({ mayCreate: false })
  const fresh = await restarted.wrap(branch, place)
  assert.notDeepEqual(fresh.subarray(0, 8), old.subarray(0, 8))
  await restarted.rotate()
  assert.deepEqual((await restarted.wrap(branch, place)).subarray(0, 8), fresh.subarray(0, 8))
  await restarted.finishRotation()
  await restarted.finishRotation()
  const names = await readdir(join(path, '..'))
  assert.equal(names.length, 2)
  assert.ok(names.some((name) => /^root\.key\.[0-9a-f]{16}\.retired$/.test(name)))
  for (const wrapped of [old, fresh]) assert.deepEqual(await fileRootKey(path).unwrap(wrapped, place), branch)
})

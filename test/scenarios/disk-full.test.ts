import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '../../server/src/kernel/index.ts'
import { databaseSource, loadPublicKey, PUBLIC_KEY_FILE, verifyAudit } from '../../server/src/platform/audit/index.ts'
import { openDatabase } from '../../server/src/platform/db/index.ts'
import { type Answer, faultCode, type TestClient } from '../fixtures/server.ts'
import { type SalusProcess, type ServerHome, serverHome } from '../fixtures/server-process.ts'

/** A new cluster takes 60 MB, and Salus asks for 128 MB before it makes one. */
const DISK_MB = 260
/**
 * What is left free at the start. With much of it, a table cannot grow first, which fails one statement; with little, the
 * WAL cannot, and PostgreSQL stops and does not come up again until there is space.
 */
const FREE_MB = [25, 12]
const BODY_BYTES = 48 * 1024
const WRITERS = 8
/** The disk is full when this many writes in a row were refused. */
const REFUSALS_IN_A_ROW = 40
const FULL_MS = 60_000
const READY_MS = 60_000
/** What a client may hear: there is no space, the database is down because of that, or nobody knows. */
const HONEST = new Set([
  'db.disk-full',
  'db.unavailable',
  'audit.ledger.outcome-unknown',
  'audit.ledger.busy',
  'db.busy',
])

interface Stored {
  id: string
  data: string
}

for (const freeMb of FREE_MB)
  test(`a disk with ${freeMb} MB left that fills up is told as such, and nothing that was acknowledged is lost`, (t) =>
    fillAndFree(t, freeMb * 1024 * 1024))

async function fillAndFree(t: TestContext, freeBytes: number): Promise<void> {
  const dataDir = mountSmallDisk()
  if (dataDir === undefined) {
    t.diagnostic('skipped: needs root, and the right to mount a tmpfs')
    return
  }
  const home = await serverHome({ dataDir })
  t.after(async () => {
    await home.remove()
    execFileSync('umount', ['--lazy', dataDir], { stdio: 'ignore' })
    rmdirSync(dataDir)
  })
  const ballast = join(dataDir, 'ballast')
  const server = await home.start()
  const { bavail, bsize } = statfsSync(dataDir)
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - freeBytes))
  const client = await home.client()
  const { stored, refusals } = await fill(client)
  t.diagnostic(`${stored.length} writes acknowledged; refused: ${JSON.stringify(Object.fromEntries(refusals))}`)
  assert.ok(stored.length > 20)
  for (const code of refusals.keys()) assert.ok(HONEST.has(code), `a full disk was told as ${code}`)
  // Where PostgreSQL itself stops for want of space, clients hear that it is away, and the log says why.
  assert.ok(
    refusals.has('db.disk-full') || server.stderr.includes('db.disk-full'),
    `the reason was told: ${server.stderr.slice(-1500)}`,
  )

  rmSync(ballast)
  const after = await recovered(home, server)
  const reader = await home.client()
  for (const { id, data } of stored) {
    const read = await reader.get(`Basic/${id}`)
    assert.equal(read.status, 200, `Basic/${id} was acknowledged: ${read.text.slice(0, 200)}`)
    assert.equal(read.body.extension[0].valueString, data)
  }
  const again = await write(reader)
  assert.equal(again.status, 201, 'writes work again')
  await verify(home)
  assert.deepEqual(await after.stop(), { code: 0, signal: null })
  assert.deepEqual(home.databaseProcesses(), [])
}

/** A file system of its own, small enough to fill; undefined without the right to make one. */
function mountSmallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const directory = mkdtempSync('/tmp/salus-disk-')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=0711`, 'salus-test', directory], {
      stdio: 'ignore',
    })
    return directory
  } catch {
    rmdirSync(directory)
    return undefined
  }
}

function write(client: TestClient, data = randomBytes(BODY_BYTES).toString('base64')): Promise<Answer> {
  return client.post('Basic', {
    resourceType: 'Basic',
    code: { text: 'x' },
    extension: [{ url: 'https://example.org/data', valueString: data }],
  })
}

/** Write until the disk is full, and some more. */
async function fill(client: TestClient): Promise<{ stored: Stored[]; refusals: Map<string, number> }> {
  const stored: Stored[] = []
  const refusals = new Map<string, number>()
  let inARow = 0
  const until = Date.now() + FULL_MS
  const lane = async (): Promise<void> => {
    while (inARow < REFUSALS_IN_A_ROW && Date.now() < until) {
      const data = randomBytes(BODY_BYTES).toString('base64')
      const answer = await write(client, data)
      if (answer.status === 201) {
        inARow = 0
        stored.push({ id: answer.body.id, data })
        continue
      }
      inARow++
      const code = faultCode(answer) ?? 'none'
      assert.equal(answer.status, code === 'audit.ledger.outcome-unknown' ? 504 : 503, answer.text)
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
      await sleep(20)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, lane))
  assert.ok(inARow >= REFUSALS_IN_A_ROW, 'the disk became full')
  return { stored, refusals }
}

/** The server recovers by itself; if it ended, the next start does. */
async function recovered(home: ServerHome, server: SalusProcess): Promise<SalusProcess> {
  for (let waited = 0; waited < READY_MS; waited += 100) {
    const ready = await fetch(`${home.url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
    if (ready) return server
    if (!existsSync(`/proc/${server.pid}`)) return home.start()
    await sleep(100)
  }
  throw new Error(`the server did not recover: ${server.stderr.slice(-3_000)}`)
}

async function verify(home: ServerHome): Promise<void> {
  const log = createLog({ level: 'error' })
  const database = await openDatabase({
    url: await home.databaseUrl(),
    connections: 2,
    statementTimeoutMs: 60_000,
    log,
  })
  const report = await verifyAudit({
    source: databaseSource(database),
    publicKey: loadPublicKey(join(home.dataDir, 'keys', PUBLIC_KEY_FILE)),
    anchorDirectory: join(home.dataDir, 'anchors'),
  })
  await database.close()
  assert.ok(report.ok, JSON.stringify(report.finding))
}

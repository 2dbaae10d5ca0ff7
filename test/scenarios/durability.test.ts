import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { goneWithin, type SalusProcess, type ServerHome, serverHome } from '../fixtures/server-process.ts'
import { checkAll } from './durability-check.ts'
import { nothingTold, startLoad } from './durability-load.ts'

/** Kills in one run; `ROUNDS=100` for a long one. Each takes about three seconds. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 6)
/** Long enough for several hundred writes, short enough that many kills hit the first ones after a start. */
const LOAD_MS = { min: 150, max: 1_200 }
/** After a kill PostgreSQL recovers within a second; a busy machine takes longer. */
const RECOVERED_MS = 60_000
const ORPHAN_GONE_MS = 20_000

test(`${ROUNDS} kills of server and database under load lose nothing that was acknowledged and leave nothing by half`, async (t) => {
  const home = await serverHome()
  t.after(() => home.remove())
  const told = nothingTold()
  let server = await home.start()
  for (let round = 0; round < ROUNDS; round++) {
    const load = startLoad(await home.client(), told)
    await sleep(randomInt(LOAD_MS.min, LOAD_MS.max))
    if (round % 2 === 0) server = await killServer(home, server, round)
    else await killDatabase(home)
    // Under load again, so that what comes after a recovery is proved too.
    await sleep(randomInt(LOAD_MS.min, LOAD_MS.max))
    await load.stop()
    t.diagnostic(`round ${round + 1}: ${await checkAll(home, await home.client(), told)}`)
  }
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  assert.deepEqual(home.databaseProcesses(), [])
})

/** Every other time the next start comes at once, while the orphaned database is still going down. */
async function killServer(home: ServerHome, server: SalusProcess, round: number): Promise<SalusProcess> {
  await server.stop('SIGKILL')
  if (round % 4 === 0)
    assert.deepEqual(
      await goneWithin(home.databaseProcesses, ORPHAN_GONE_MS),
      [],
      'the database went down with its server',
    )
  return home.start()
}

/** The postmaster alone: its children notice by themselves, and the server starts it again. */
async function killDatabase(home: ServerHome): Promise<void> {
  const postmaster = home.postmaster()
  assert.ok(postmaster !== undefined)
  process.kill(postmaster, 'SIGKILL')
  for (let waited = 0; waited < RECOVERED_MS; waited += 50) {
    await sleep(50)
    const isNew = home.postmaster() !== undefined && home.postmaster() !== postmaster
    if (isNew && (await fetch(`${home.url}/readyz`)).status === 200) return
  }
  assert.fail('the server did not recover from the loss of its database')
}

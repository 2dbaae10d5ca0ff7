import assert from 'node:assert/strict'
import { appendFile, chmod, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { openConnection } from '#db'
import { FaultError } from '#kernel'
import { type TestKeyStore, testKeyStore } from '../../../../test/fixtures/vault.ts'
import type { Vault } from './vault.ts'

let store: TestKeyStore
let one: Vault
let two: Vault
let list = ''
before(async () => {
  store = await testKeyStore()
  ;[one, two] = [await store.open(), await store.open()]
  list = join(store.dataDir, 'keys', 'shredded.ndjson')
})
after(() => store.close())
beforeEach(() => rm(list, { force: true }))

let lastPatient = 0
const newPatient = (): number => ++lastPatient

async function refuses(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => error instanceof FaultError && error.fault.code === code)
}

async function asOwner(...texts: string[]): Promise<readonly (readonly unknown[])[]> {
  const owner = await openConnection({ url: store.url })
  try {
    let rows: readonly (readonly unknown[])[] = []
    for (const text of texts) rows = await owner.query({ text })
    return rows
  } finally {
    await owner.close()
  }
}

/** Keep the key rows as a backup would, and bring them back as restoring it would. */
const backUp = (): Promise<unknown> =>
  asOwner('drop table if exists backup', 'create table backup as select * from vault.patient_key')
const restore = (): Promise<unknown> =>
  asOwner('truncate vault.shredded', 'truncate vault.patient_key', 'insert into vault.patient_key select * from backup')

test('after a shred the record is unreadable on every process, and no key is made for it again', async () => {
  const [patient, other] = [newPatient(), newPatient()]
  await one.ensurePatientKeys(1, [patient, other])
  assert.deepEqual(await one.shred(1, patient), { keyDestroyed: true })
  for (const vault of [one, two]) {
    assert.deepEqual([...(await vault.patientKeys(1, [patient, other])).keys()], [other])
    await refuses(vault.ensurePatientKeys(1, [patient]), 'vault.shredded')
    await refuses(vault.ensurePatientKeys(1, [other, patient]), 'vault.shredded')
  }
  assert.deepEqual(await two.shred(1, patient), { keyDestroyed: false })
  assert.deepEqual(await two.shred(1, newPatient()), { keyDestroyed: false })
  await refuses(one.shred(1, 0), 'vault.not-a-patient')
})

test('one shredded patient does not fail the others who arrive in the same turn', async () => {
  const [gone, fresh] = [newPatient(), newPatient()]
  await one.shred(1, gone)
  const [a, b] = await Promise.allSettled([one.ensurePatientKeys(1, [gone]), one.ensurePatientKeys(1, [fresh])])
  assert.equal(a.status, 'rejected')
  assert.equal(b.status, 'fulfilled')
})

test('shredding while keys are being made never leaves a key behind', async () => {
  for (let round = 0; round < 20; round++) {
    const patient = newPatient()
    await Promise.allSettled([
      one.ensurePatientKeys(1, [patient]),
      two.shred(1, patient),
      two.ensurePatientKeys(1, [patient]),
    ])
    assert.equal((await one.patientKeys(1, [patient])).size, 0)
    assert.deepEqual(await asOwner(`select count(*) from vault.shredded where patient = ${patient}`), [[1]])
  }
})

test('a restored backup brings no shredded patient back', async () => {
  const [gone, kept] = [newPatient(), newPatient()]
  await one.ensurePatientKeys(1, [gone, kept])
  await backUp()
  await one.shred(1, gone)
  await restore()
  assert.equal((await one.patientKeys(1, [gone])).size, 1)
  const restarted = await store.open()
  assert.deepEqual([...(await restarted.patientKeys(1, [gone, kept])).keys()], [kept])
  await refuses(restarted.ensurePatientKeys(1, [gone]), 'vault.shredded')
  const again = await restarted.replayShredList(list)
  assert.deepEqual([again.keysDestroyed, again.numbersReused, again.highestPatient], [0, 0, gone])
})

test('a list that says so finishes a shred that a crash cut off after the list was written', async () => {
  const patient = newPatient()
  await one.ensurePatientKeys(1, [patient])
  await backUp()
  await one.shred(1, patient)
  const line = await readFile(list, 'utf8')
  await restore()
  await writeFile(list, line)
  const restarted = await store.open()
  assert.equal((await restarted.patientKeys(1, [patient])).size, 0)
})

test('a patient who got the number of a shredded one after a restore is left alone', async () => {
  const patient = newPatient()
  await one.ensurePatientKeys(1, [patient])
  await one.shred(1, patient)
  await asOwner('truncate vault.shredded')
  await one.ensurePatientKeys(1, [patient])
  const restarted = await store.open()
  assert.equal((await restarted.patientKeys(1, [patient])).size, 1)
  assert.equal((await restarted.replayShredList(list)).numbersReused, 1)
  await restarted.shred(1, patient)
})

test('a changed, forged or foreign line stops the start and is named; a torn last line does not', async () => {
  const [a, b] = [newPatient(), newPatient()]
  await one.shred(1, a)
  await one.shred(1, b)
  const good = await readFile(list, 'utf8')
  const [first = '', second = ''] = good.split('\n')
  const bad = [
    `${first.replace(`"patient":${a}`, `"patient":${a + 5000}`)}\n${second}\n`,
    `${first}\n${second.slice(0, -5)}\n`,
    `${first}\n\n${second}\n`,
    `${first}\n${JSON.stringify({ tenant: 1, patient: 1, lineage: 1, at: 1, mac: 'x' })}\n`,
    `${first}\n${JSON.stringify({ tenant: 1, patient: '1', lineage: 1, at: 1, mac: 'x' })}\n`,
  ]
  for (const text of bad) {
    await writeFile(list, text)
    await refuses(store.open(), 'vault.shred-list-damaged')
  }
  await writeFile(list, bad[1] as string)
  await assert.rejects(store.open(), /Line 2 of/)
  await writeFile(list, good)
  await truncate(list, good.length - 20)
  await asOwner(`delete from vault.shredded where patient = ${b}`)
  await store.open()
  await one.shred(1, b)
  const lines = (await readFile(list, 'utf8')).trim().split('\n')
  assert.equal(lines.filter((line) => (JSON.parse(line) as { patient: number }).patient === b).length, 1)
  await store.open()
})

test('entries of tenants that this key store does not have are passed over', async () => {
  await one.shred(1, newPatient())
  await appendFile(list, `${JSON.stringify({ tenant: 77, patient: 1, lineage: 1, at: 1, mac: 'x' })}\n`)
  assert.equal((await one.replayShredList(list)).unknownTenants, 1)
})

test('a host without the list gets it from the tombstones, once', async () => {
  const patient = newPatient()
  await one.shred(1, patient)
  await rm(list)
  const restarted = await store.open()
  const text = await readFile(list, 'utf8')
  assert.match(text, new RegExp(`"patient":${patient},`))
  await restarted.replayShredList(list)
  assert.equal(await readFile(list, 'utf8'), text)
})

test('when the list cannot be written nothing is shredded', async () => {
  const patient = newPatient()
  await one.ensurePatientKeys(1, [patient])
  await mkdir(list)
  await refuses(one.shred(1, patient), 'vault.shred-list-unwritable')
  await rm(list, { recursive: true })
  assert.equal((await one.patientKeys(1, [patient])).size, 1)
  await chmod(join(store.dataDir, 'keys'), 0o700)
  assert.deepEqual(await one.shred(1, patient), { keyDestroyed: true })
})

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Connection, Database } from '#db'
import { FaultError } from '#kernel'
import { type TestKeyStore, testKeyStore } from '../../../../test/fixtures/vault.ts'
import { sealedKeyVersion } from './envelope.ts'
import { fileRootKey } from './root-key/file.ts'
import type { Vault } from './vault.ts'

let store: TestKeyStore
let vault: Vault
before(async () => {
  store = await testKeyStore()
  vault = await store.open()
})
after(() => store.close())

const aad = { tenant: 1, type: 96, rid: 5, version: 1 }
let lastPatient = 0
const newPatients = (count: number): number[] => Array.from({ length: count }, () => ++lastPatient)

async function sealFor(one: Vault, patients: number[]): Promise<Map<number, Buffer>> {
  const keys = await one.ensurePatientKeys(1, patients)
  return new Map(
    patients.map((patient) => [
      patient,
      one.seal(keys.get(patient) as never, { ...aad, patient }, `body ${patient}`, 96),
    ]),
  )
}

async function opensAll(one: Vault, sealed: Map<number, Buffer>): Promise<void> {
  const keys = await one.patientKeys(1, [...sealed.keys()])
  for (const [patient, body] of sealed)
    assert.equal(one.open(keys.get(patient) as never, { ...aad, patient }, body).toString(), `body ${patient}`)
}

/** A database on which every statement that begins like this ends with an error, once `count` of them have run. */
function failing(database: Database, beginning: string, count: number): Database {
  let left = count
  const query =
    (target: Pick<Connection, 'query'>): Connection['query'] =>
    (statement, values) =>
      statement.text.startsWith(beginning) && left-- <= 0
        ? Promise.reject(new Error('cut off'))
        : target.query(statement, values)
  return {
    query: query(database),
    transaction: (work) =>
      database.transaction((tx) =>
        work({
          raw: tx.raw,
          closed: tx.closed,
          close: () => tx.close(),
          onLost: (listener) => tx.onLost(listener),
          query: query(tx),
        }),
      ),
    connect: () => database.connect(),
    healthy: () => database.healthy(),
    close: () => database.close(),
  }
}

test('rotating the root key leaves everything readable, on running processes and after a restart', async () => {
  const sealed = await sealFor(vault, newPatients(3))
  const running = await store.open()
  assert.ok((await vault.rotateRootKey()).keys >= 1)
  await opensAll(running, sealed)
  await running.refreshKeys()
  await opensAll(running, sealed)
  await opensAll(await store.open(), sealed)
  assert.ok((await readdir(join(store.dataDir, 'keys'))).some((name) => name.endsWith('.retired')))
})

test('a root key rotation that was cut off leaves a database that starts, and is finished by the next', async () => {
  const sealed = await sealFor(vault, newPatients(2))
  const cut = await store.open({ database: failing(store.database, 'update vault.branch_key', 0) })
  await assert.rejects(cut.rotateRootKey(), /cut off/)
  await opensAll(await store.open(), sealed)
  await vault.rotateRootKey()
  await opensAll(await store.open(), sealed)
  assert.ok(!(await readdir(join(store.dataDir, 'keys'))).includes('root.key.next'))
})

test('two rotations of the root key at once: one is done, the other changes nothing and says so', async () => {
  const sealed = await sealFor(vault, newPatients(1))
  const file = fileRootKey(join(store.dataDir, 'keys', 'root.key'))
  let other: Promise<unknown> | undefined
  const slow = await store.open({
    rootKey: {
      ...file,
      async wrap(key, place) {
        other ??= vault.rotateRootKey()
        await other
        return file.wrap(key, place)
      },
    },
  })
  await assert.rejects(
    slow.rotateRootKey(),
    (error) => error instanceof FaultError && error.fault.code === 'vault.rotation-conflict',
  )
  await opensAll(await store.open(), sealed)
})

test('the branch keys can move to another provider, after which the former key is of no use', async () => {
  const own = await testKeyStore()
  try {
    const one = await own.open()
    const sealed = await sealFor(one, [1, 2])
    const target = fileRootKey(join(own.dataDir, 'elsewhere', 'root.key'))
    await one.rotateRootKey(target)
    await assert.rejects(
      own.open(),
      (error) => error instanceof FaultError && error.fault.code === 'vault.wrong-root-key',
    )
    await opensAll(await own.open({ rootKey: target }), sealed)
  } finally {
    await own.close()
  }
})

test('a new branch key takes over while two processes serve, and the old one can then be destroyed', async () => {
  const other = await store.open()
  const patients = newPatients(1_300)
  const sealed = await sealFor(vault, patients)
  const steps: number[] = []
  const rotation = vault.rotateBranchKey(1, ({ keys }) => steps.push(keys))
  const late = newPatients(5)
  const lateSealed = await sealFor(other, late)
  const { keys } = await rotation
  assert.ok(keys >= 1_300)
  assert.ok(steps.length >= 3)
  for (const one of [vault, other, await store.open()]) {
    await opensAll(one, sealed)
    await opensAll(one, lateSealed)
  }
  const id = vault.publicId(1, 5, 9)
  assert.equal(await vault.destroyRetiredBranchKeys(1), 0)
  assert.equal(await vault.destroyRetiredBranchKeys(1, 0), 1)
  const [left, ...more] = (await vault.listKeys()).filter((key) => key.tenant === 1)
  assert.equal(more.length, 0)
  assert.ok((left?.patientKeys ?? 0) >= 1_305)
  for (const one of [other, await store.open()]) {
    await opensAll(one, sealed)
    assert.equal(one.ridOf(1, 5, id), 9)
  }
})

test('a branch key rotation that was cut off is continued, not started anew', async () => {
  const sealed = await sealFor(vault, newPatients(1_200))
  const before = (await vault.listKeys()).filter((key) => key.tenant === 1)
  const cut = await store.open({ database: failing(store.database, 'update vault.patient_key', 1) })
  await assert.rejects(cut.rotateBranchKey(1), /cut off/)
  const midway = (await vault.listKeys()).filter((key) => key.tenant === 1)
  assert.equal(midway.length, before.length + 1)
  assert.ok(midway.slice(-2).every((key) => key.patientKeys > 0 && key.retired === null))
  await opensAll(vault, sealed)
  await opensAll(await store.open(), sealed)
  await vault.rotateBranchKey(1)
  const done = (await vault.listKeys()).filter((key) => key.tenant === 1)
  assert.equal(done.length, midway.length)
  assert.equal(done.at(-2)?.patientKeys, 0)
  assert.notEqual(done.at(-2)?.retired, null)
  await opensAll(vault, sealed)
})

test('a patient shredded during a rotation stays shredded', async () => {
  const patients = newPatients(600)
  await sealFor(vault, patients)
  const victim = patients[550] as number
  let shredding: Promise<unknown> | undefined
  await vault.rotateBranchKey(1, () => {
    shredding ??= vault.shred(1, victim)
  })
  await shredding
  assert.equal((await vault.patientKeys(1, [victim])).size, 0)
})

test('a patient data key is rotated while both versions serve; the old one goes only when settled', async () => {
  const [patient] = newPatients(1) as [number]
  const old = await sealFor(vault, [patient])
  const other = await store.open()
  const rotation = await vault.beginPatientRotation(1, patient)
  assert.deepEqual(rotation, { version: 2, from: 1 })
  assert.deepEqual(await other.beginPatientRotation(1, patient), rotation)
  await opensAll(other, old)
  const fresh = await sealFor(other, [patient])
  assert.deepEqual([...old.values(), ...fresh.values()].map(sealedKeyVersion), [1, 2])
  await opensAll(vault, fresh)
  assert.equal(await vault.finishPatientRotation({ tenant: 1, patient, version: 2 }), false)
  await opensAll(vault, old)
  assert.equal(await vault.finishPatientRotation({ tenant: 1, patient, version: 2, settledMs: 0 }), true)
  await opensAll(other, fresh)
  await assert.rejects(
    opensAll(other, old),
    (error) => error instanceof FaultError && error.fault.code === 'vault.integrity',
  )
  assert.deepEqual(await vault.beginPatientRotation(1, patient), { version: 3, from: 2 })
  await opensAll(vault, fresh)
})

test('a shredded or unknown patient has nothing to rotate', async () => {
  const [gone, unknown] = newPatients(2) as [number, number]
  await sealFor(vault, [gone])
  await vault.beginPatientRotation(1, gone)
  await vault.shred(1, gone)
  for (const patient of [gone, unknown])
    await assert.rejects(
      vault.beginPatientRotation(1, patient),
      (error) => error instanceof FaultError && error.fault.category === 'gone',
    )
  assert.equal((await vault.patientKeys(1, [gone])).size, 0)
})

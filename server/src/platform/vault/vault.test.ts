import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openConnection } from '#db'
import { FaultError, loadConfig } from '#kernel'
import { type TestKeyStore, testKeyStore } from '../../../../test/fixtures/vault.ts'
import { fileRootKey } from './root-key/file.ts'
import type { RootKey } from './root-key/root-key.ts'
import type { Vault } from './vault.ts'

let store: TestKeyStore
let vault: Vault
before(async () => {
  store = await testKeyStore()
  vault = await store.open()
})
after(() => store.close())

let lastPatient = 1000
const newPatient = (): number => ++lastPatient
const aad = { tenant: 1, type: 96, rid: 5, version: 1 }

async function refuses(work: Promise<unknown> | (() => unknown), code: string, category?: string): Promise<void> {
  const check = (error: unknown): boolean => {
    assert.ok(error instanceof FaultError, String(error))
    assert.equal(error.fault.code, code)
    if (category) assert.equal(error.fault.category, category)
    return true
  }
  if (typeof work === 'function') assert.throws(work, check)
  else await assert.rejects(work, check)
}

test('a patient key is made once and opens on every process', async () => {
  const other = await store.open()
  const patient = newPatient()
  assert.equal((await vault.patientKeys(1, [patient])).size, 0)
  const made = await Promise.all([vault, other, vault].map((one) => one.ensurePatientKeys(1, [patient, patient])))
  const keys = made.map((keys) => keys.get(patient))
  const sealed = vault.seal(keys[0] as never, { ...aad, patient }, 'body', 96)
  for (const key of keys) assert.equal(other.open(key as never, { ...aad, patient }, sealed).toString(), 'body')
  assert.deepEqual([...(await other.patientKeys(1, [patient, newPatient()])).keys()], [patient])
})

test('a statement beside the key store brings the keys of its rows along, all versions of them', async () => {
  const join = vault.keyJoin(store.database)
  assert.ok(join)
  const [patient, unknown] = [newPatient(), newPatient()]
  const before = (await vault.ensurePatientKeys(1, [patient])).get(patient)
  const sealed = vault.seal(before as never, { ...aad, patient }, 'body', 96)
  await vault.beginPatientRotation(1, patient)
  const rows = await store.database.query(
    {
      text: `select r.patient, ${join.columns} from (values (1, $1::bigint), (1, $2)) r(tenant, patient) ${join.text('r')}`,
    },
    [patient, unknown],
  )
  const wrappedOf = (wanted: number) =>
    rows
      .filter(([owner]) => owner === wanted)
      .map(([, ...columns]) => join.read({ tenant: 1, patient: wanted }, columns))
      .filter((one) => one !== undefined)
  assert.equal(wrappedOf(patient).length, 2)
  const key = await vault.unwrap(wrappedOf(patient))
  assert.equal(key?.sealing().version, 2)
  assert.equal(vault.open(key as never, { ...aad, patient }, sealed).toString(), 'body')
  assert.equal(await vault.unwrap(wrappedOf(unknown)), undefined)
})

test('look-ups of one turn travel as one statement, also of several tenants', async () => {
  const statements: string[] = []
  const counting: typeof store.database = {
    connect: () => store.database.connect(),
    healthy: () => store.database.healthy(),
    close: () => store.database.close(),
    query: (statement, values) => {
      statements.push(statement.name ?? statement.text)
      return store.database.query(statement, values)
    },
    transaction: (work) => store.database.transaction(work),
  }
  const one = await store.open({ database: counting, tenants: [1, 2] })
  const patients = Array.from({ length: 20 }, newPatient)
  await one.ensurePatientKeys(1, patients)
  await one.ensurePatientKeys(2, [patients[0] as number])
  statements.length = 0
  const found = await Promise.all([
    ...patients.map((patient) => one.patientKeys(1, [patient])),
    one.patientKeys(2, patients),
  ])
  assert.deepEqual(statements, ['vault-patient-keys'])
  assert.deepEqual(
    found.map((keys) => keys.size),
    [...patients.map(() => 1), 1],
  )
  assert.equal(found.at(-1)?.get(patients[0] as number)?.tenant, 2)
})

test('tenants have keys, tokens and ids of their own', async () => {
  await vault.ensureTenant(2)
  const id = vault.publicId(1, 96, 12)
  assert.equal(vault.ridOf(1, 96, id), 12)
  assert.equal(vault.ridOf(2, 96, id), undefined)
  assert.notDeepEqual(
    vault.tokenizer(1).token('Patient.family', 'exact', 'x'),
    vault.tokenizer(2).token('Patient.family', 'exact', 'x'),
  )
  const text = vault.sealText('page', 1, 'place', 'client')
  assert.equal(vault.openText('page', 1, text, 'client'), 'place')
  assert.equal(vault.openText('page', 2, text, 'client'), undefined)
  assert.equal(vault.openText('page', 1, text, 'other client'), undefined)
  const sealed = vault.seal(vault.tenantKey(1), { ...aad, patient: 0 }, 'body', 0)
  await refuses(
    () => vault.open(vault.tenantKey(2), { ...aad, tenant: 2, patient: 0 }, sealed),
    'vault.integrity',
    'bug',
  )
  await refuses(() => vault.open(vault.auditKey(1), { ...aad, patient: 0 }, sealed), 'vault.integrity')
  await refuses(() => vault.tenantKey(99), 'vault.tenant-not-loaded')
  await refuses(
    vault
      .patientKeys(99, [1])
      .then((keys) => assert.equal(keys.size, 0))
      .then(() => vault.ensurePatientKeys(99, [1])),
    'vault.tenant-not-loaded',
  )
})

test('ids, tokens and sealed texts are the same on every process and after a restart', async () => {
  const other = await store.open()
  assert.equal(other.publicId(1, 5, 77), vault.publicId(1, 5, 77))
  assert.equal(other.tokenizer(1).signed('a', 'b', 'c'), vault.tokenizer(1).signed('a', 'b', 'c'))
  assert.equal(other.openText('page', 1, vault.sealText('page', 1, 'x', ''), ''), 'x')
  const sealed = vault.seal(vault.auditKey(1), { ...aad, patient: 0 }, 'detail', 0)
  assert.equal(other.open(other.auditKey(1), { ...aad, patient: 0 }, sealed).toString(), 'detail')
})

test('a wrapped key that was changed or exchanged in the key store is noticed', async () => {
  const [a, b] = [newPatient(), newPatient()]
  await vault.ensurePatientKeys(1, [a, b])
  const owner = await openConnection({ url: store.url })
  const set = async (text: string): Promise<void> => {
    await owner.query({ text })
  }
  await set(
    `update vault.patient_key set wrapped = (select wrapped from vault.patient_key where patient = ${b}) where patient = ${a}`,
  )
  await refuses(vault.patientKeys(1, [a]), 'vault.integrity')
  assert.equal((await vault.patientKeys(1, [b])).size, 1)
  await set(`update vault.patient_key set lineage = lineage + 1 where patient = ${b}`)
  await refuses(vault.patientKeys(1, [b]), 'vault.integrity')
  await set(`delete from vault.patient_key where patient in (${a}, ${b})`)
  await owner.close()
})

test('the wrong or a missing root key stops the start, and nothing is made anew', async () => {
  const path = join(store.dataDir, 'keys', 'root.key')
  const right = await readFile(path)
  await rm(path)
  await refuses(store.open(), 'vault.root-key-missing')
  await writeFile(path, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
  await refuses(store.open(), 'vault.wrong-root-key')
  await writeFile(path, right)
  await store.open()
})

test('an unsafe vault is refused in production, and a safe one does not read what it wrote', async () => {
  const production = loadConfig({ SALUS_DATA_DIR: store.dataDir, SALUS_PROFILE: 'production' })
  await refuses(store.open({ config: production, unsafePlaintext: true }), 'vault.unsafe-in-production')
  const unsafe = await store.open({ unsafePlaintext: true })
  const plain = unsafe.seal(unsafe.tenantKey(1), { ...aad, patient: 0 }, 'body', 0)
  assert.equal(unsafe.open(unsafe.tenantKey(1), { ...aad, patient: 0 }, plain).toString(), 'body')
  await refuses(() => vault.open(vault.tenantKey(1), { ...aad, patient: 0 }, plain), 'vault.integrity')
})

test('through an outage of the key service the record stays open for an hour, then closes, then opens again', async () => {
  const file = fileRootKey(join(store.dataDir, 'keys', 'root.key'))
  let down = false
  const root: RootKey = {
    ...file,
    async unwrap(wrapped, place) {
      if (down) throw new FaultError({ category: 'unavailable', code: 'vault.root-key-unavailable', message: 'down' })
      return file.unwrap(wrapped, place)
    },
  }
  const own = await store.open({ rootKey: root })
  const patient = newPatient()
  await own.ensurePatientKeys(1, [patient])
  down = true
  store.clock.advance(59 * 60_000)
  assert.equal((await own.patientKeys(1, [patient])).size, 1)
  assert.ok(own.keysValidForMs() > 0)
  store.clock.advance(2 * 60_000)
  await refuses(own.patientKeys(1, [patient]), 'vault.keys-expired', 'unavailable')
  await refuses(() => own.tenantKey(1), 'vault.keys-expired')
  await refuses(() => own.publicId(1, 5, 1), 'vault.keys-expired')
  assert.equal(own.keysValidForMs(), 0)
  await refuses(own.refreshKeys(), 'vault.root-key-unavailable')
  down = false
  await own.refreshKeys()
  assert.equal((await own.patientKeys(1, [patient])).size, 1)
})

test('the application cannot take back a tombstone', async () => {
  const app = await openConnection({ url: store.url, role: 'app' })
  for (const text of [
    'delete from vault.shredded',
    'update vault.shredded set lineage = 0',
    'truncate vault.patient_key',
  ])
    await assert.rejects(app.query({ text }), /permission denied/)
  await app.close()
})

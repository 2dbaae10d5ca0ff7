import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createLog } from '../../server/src/kernel/index.ts'
import {
  type AuditRecord,
  databaseSource,
  findRecords,
  loadPublicKey,
  PUBLIC_KEY_FILE,
  type RecordCursor,
  verifyAudit,
} from '../../server/src/platform/audit/index.ts'
import { type Database, openDatabase } from '../../server/src/platform/db/index.ts'
import { type Cursor, readOutbox } from '../../server/src/platform/events/index.ts'
import type { Json, TestClient } from '../fixtures/server.ts'
import type { ServerHome } from '../fixtures/server-process.ts'
import { type Told, TRANSACTION_ENTRIES } from './durability-load.ts'

const DEFAULT_TENANT = 1
const PAGE = 1_000

/** Everything that was acknowledged is there, with its audit record and outbox entry, and nothing is there by half. */
export async function checkAll(home: ServerHome, client: TestClient, told: Told): Promise<string> {
  assert.deepEqual(told.strange, [], 'no crash explains these answers')
  const stored = new Map<string, Json>()
  for (const type of ['Basic', 'Patient', 'Observation', 'Organization'])
    for (const resource of await allOf(client, type)) stored.set(`${type}/${resource.id}`, resource)
  checkWrites(told, stored)
  checkTransactions(told, stored)
  checkConditions(told, stored)
  const log = createLog({ level: 'error' })
  const url = await home.databaseUrl()
  const database = await openDatabase({ url, connections: 2, statementTimeoutMs: 60_000, log })
  try {
    const { audit, outbox } = await checkTraces(database, told)
    const report = await verifyAudit({
      source: databaseSource(database),
      publicKey: loadPublicKey(join(home.dataDir, 'keys', PUBLIC_KEY_FILE)),
      anchorDirectory: join(home.dataDir, 'anchors'),
    })
    assert.ok(report.ok, `the audit does not verify: ${JSON.stringify(report.finding)}`)
    return `${told.writes.length} acknowledged writes, ${stored.size} resources, ${audit} audit records, ${outbox} outbox entries, ${report.checkpoints} checkpoints`
  } finally {
    await database.close()
  }
}

function checkWrites(told: Told, stored: Map<string, Json>): void {
  for (const { type, id, version, serial } of told.writes) {
    const resource = stored.get(`${type}/${id}`)
    assert.ok(resource, `${type}/${id} was acknowledged and is gone`)
    assert.ok(Number(resource.meta.versionId) >= version, `${type}/${id} fell back behind version ${version}`)
    const value = resource.identifier[0].value as string
    if (version === Number(resource.meta.versionId)) assert.equal(value, serial, `${type}/${id} holds another content`)
    // An updater's serials grow, so a later version holds a later one.
    else assert.ok(value > serial, `${type}/${id} went back to older content`)
  }
}

function checkTransactions(told: Told, stored: Map<string, Json>): void {
  const entries = new Map<string, Json[]>()
  for (const resource of stored.values()) {
    const serial = resource.identifier[0].value as string
    const isPart = resource.resourceType === 'Observation' || (resource.resourceType === 'Patient' && serial.length > 8)
    if (isPart) entries.set(serial, [...(entries.get(serial) ?? []), resource])
  }
  for (const [serial, parts] of entries) {
    assert.equal(parts.length, TRANSACTION_ENTRIES, `half of transaction ${serial} is stored`)
    const patient = parts.find((part) => part.resourceType === 'Patient')
    for (const part of parts)
      if (part !== patient) assert.equal(part.subject.reference, `Patient/${patient?.id}`, 'references hold')
  }
  for (const serial of told.transactions) assert.ok(entries.has(serial), `transaction ${serial} is gone`)
}

function checkConditions(told: Told, stored: Map<string, Json>): void {
  const made = new Map<string, string[]>()
  for (const { resourceType, id, identifier } of stored.values())
    if (resourceType === 'Organization') made.set(identifier[0].value, [...(made.get(identifier[0].value) ?? []), id])
  for (const [condition, ids] of made) assert.equal(ids.length, 1, `${condition} made ${ids.length} resources`)
  for (const [condition, ids] of told.conditions) assert.deepEqual([...ids], made.get(condition), condition)
}

/**
 * Each version that is stored has exactly one outbox entry and its audit record, and each outbox entry a version. With
 * `checkWrites` it follows that each acknowledged write has both.
 */
async function checkTraces(database: Database, told: Told): Promise<{ audit: number; outbox: number }> {
  const records = await allRecords(database)
  const audited = new Set(records.map(({ type, rid, version }) => `${type}/${rid}/${version}`))
  const bundled = new Set(records.filter(({ action }) => action === 'transaction').flatMap(({ patients }) => patients))
  const entries = await allEntries(database)
  const published = new Set(entries)
  assert.equal(published.size, entries.length, 'no outbox entry comes twice')
  const versions = await storedVersions(database)
  for (const { version, patient } of versions) {
    assert.ok(published.has(version), `${version} has no outbox entry`)
    assert.ok(audited.has(version) || bundled.has(patient), `${version} has no audit record`)
  }
  assert.equal(published.size, versions.length, 'something was published that is not stored')
  const reads = records.filter(({ action }) => action === 'read').map(({ rid }) => rid)
  assert.ok(new Set(reads).size >= told.reads.size, 'a read left no audit record')
  return { audit: records.length, outbox: entries.length }
}

async function storedVersions(database: Database): Promise<{ version: string; patient: number }[]> {
  const rows = await database.query({
    text: 'select type, rid, version, patient from record.resource union all select type, rid, version, patient from record.history',
  })
  return rows.map(([type, rid, version, patient]) => ({
    version: `${Number(type)}/${Number(rid)}/${Number(version)}`,
    patient: Number(patient),
  }))
}

async function allRecords(database: Database): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  let before: RecordCursor | undefined
  do {
    const query = { tenant: DEFAULT_TENANT, limit: PAGE, ...(before ? { before } : {}) }
    const page = await findRecords(database, query)
    records.push(...page.records.map(({ record }) => record))
    before = page.next
  } while (before !== undefined)
  return records
}

async function allEntries(database: Database): Promise<string[]> {
  const entries: string[] = []
  let cursor: Cursor = new Map()
  for (;;) {
    const page = await readOutbox(database, cursor, PAGE)
    if (page.entries.length === 0) return entries
    entries.push(...page.entries.map(({ type, rid, version }) => `${type}/${rid}/${version}`))
    cursor = page.next
  }
}

async function allOf(client: TestClient, type: string): Promise<Json[]> {
  const found: Json[] = []
  let url: string | undefined = `${type}?_count=${PAGE}`
  while (url !== undefined) {
    const { status, body, text } = await client.get(url)
    assert.equal(status, 200, text.slice(0, 300))
    found.push(...(body.entry ?? []).map((entry: Json) => entry.resource))
    url = body.link.find((link: Json) => link.relation === 'next')?.url
  }
  assert.equal(new Set(found.map(({ id }) => id)).size, found.length, `paging through ${type} repeats nothing`)
  return found
}

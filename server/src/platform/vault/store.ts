import { byteaArray, type Connection, type Database, int4Array, int8Array, type Statement } from '#db'

/** What runs a statement: the key store's database, or a transaction on it. */
export type Runner = Pick<Database, 'query'> | Pick<Connection, 'query'>

export interface BranchRow {
  tenant: number
  epoch: number
  retired: boolean
  wrapped: Buffer
}

export interface TenantKeyRow {
  tenant: number
  purpose: number
  version: number
  epoch: number
  wrapped: Buffer
}

export interface PatientKeyRow {
  tenant: number
  patient: number
  version: number
  epoch: number
  lineage: number
  wrapped: Buffer
}

export interface Tombstone {
  tenant: number
  patient: number
  lineage: number
  at: number
}

/** The key store's own clock: several hosts may write, and one of them may be off. */
const NOW_MS = '(extract(epoch from clock_timestamp()) * 1000)::bigint'

const HAS_BRANCH_KEYS: Statement = { text: 'select exists (select from vault.branch_key)' }

export async function hasBranchKeys(db: Runner): Promise<boolean> {
  const [row] = await db.query(HAS_BRANCH_KEYS)
  return row?.[0] === true
}

const BRANCH_KEYS: Statement = {
  text: `select tenant, epoch, retired is not null, wrapped from vault.branch_key
         where $1::int is null or tenant = $1 order by tenant, epoch`,
}

/** Of one tenant, or of all. */
export async function branchKeys(db: Runner, tenant?: number): Promise<BranchRow[]> {
  const rows = await db.query(BRANCH_KEYS, [tenant ?? null])
  return rows.map(([owner, epoch, retired, wrapped]) => ({ tenant: owner, epoch, retired, wrapped }) as BranchRow)
}

const INSERT_BRANCH_KEY: Statement = {
  text: `insert into vault.branch_key (tenant, epoch, wrapped, created) values ($1, $2, $3, ${NOW_MS}) on conflict do nothing`,
}

export async function insertBranchKey(db: Runner, row: Omit<BranchRow, 'retired'>): Promise<void> {
  await db.query(INSERT_BRANCH_KEY, [row.tenant, row.epoch, row.wrapped])
}

const REPLACE_BRANCH_KEY: Statement = {
  text: 'update vault.branch_key set wrapped = $4 where tenant = $1 and epoch = $2 and wrapped = $3 returning 1',
}

/** Only if it is still wrapped as read: false when another process was faster. */
export async function replaceBranchKey(db: Runner, row: BranchRow, wrapped: Buffer): Promise<boolean> {
  return (await db.query(REPLACE_BRANCH_KEY, [row.tenant, row.epoch, row.wrapped, wrapped])).length === 1
}

const RETIRE_BRANCH_KEYS: Statement = {
  text: `update vault.branch_key b set retired = ${NOW_MS} where tenant = $1 and epoch < $2 and retired is null
         and not exists (select from vault.patient_key k where k.tenant = b.tenant and k.epoch = b.epoch)
         and not exists (select from vault.tenant_key k where k.tenant = b.tenant and k.epoch = b.epoch) returning 1`,
}

/** Marks the epochs before `epoch` that nothing is wrapped under any more; gives their number. */
export async function retireBranchKeys(db: Runner, tenant: number, epoch: number): Promise<number> {
  return (await db.query(RETIRE_BRANCH_KEYS, [tenant, epoch])).length
}

const DELETE_RETIRED: Statement = {
  text: `delete from vault.branch_key b where tenant = $1 and retired <= ${NOW_MS} - $2::bigint
         and not exists (select from vault.patient_key k where k.tenant = b.tenant and k.epoch = b.epoch)
         and not exists (select from vault.tenant_key k where k.tenant = b.tenant and k.epoch = b.epoch) returning 1`,
}

export async function deleteRetiredBranchKeys(db: Runner, tenant: number, retiredForMs: number): Promise<number> {
  return (await db.query(DELETE_RETIRED, [tenant, retiredForMs])).length
}

const TENANT_KEYS: Statement = {
  text: `select tenant, purpose, version, epoch, wrapped from vault.tenant_key
         where $1::int is null or tenant = $1 order by tenant, purpose, version`,
}

export async function tenantKeys(db: Runner, tenant?: number): Promise<TenantKeyRow[]> {
  const rows = await db.query(TENANT_KEYS, [tenant ?? null])
  return rows.map(
    ([owner, purpose, version, epoch, wrapped]) =>
      ({ tenant: owner, purpose, version, epoch, wrapped }) as TenantKeyRow,
  )
}

const INSERT_TENANT_KEY: Statement = {
  text: `insert into vault.tenant_key (tenant, purpose, version, epoch, wrapped, created)
         values ($1, $2, $3, $4, $5, ${NOW_MS}) on conflict do nothing`,
}

export async function insertTenantKey(db: Runner, row: TenantKeyRow): Promise<void> {
  await db.query(INSERT_TENANT_KEY, [row.tenant, row.purpose, row.version, row.epoch, row.wrapped])
}

const REWRAP_TENANT_KEY: Statement = {
  text: 'update vault.tenant_key set epoch = $4, wrapped = $5 where tenant = $1 and purpose = $2 and version = $3 and epoch < $4',
}

export async function rewrapTenantKey(db: Runner, row: TenantKeyRow): Promise<void> {
  await db.query(REWRAP_TENANT_KEY, [row.tenant, row.purpose, row.version, row.epoch, row.wrapped])
}

const PATIENT_KEYS: Statement = {
  name: 'vault-patient-keys',
  text: `select tenant, patient, key_version, epoch, lineage, wrapped from vault.patient_key
         where tenant = any($1::int[]) and patient = any($2::bigint[])`,
}

/** May hold rows of (tenant, patient) pairs not asked for when several tenants are asked at once. */
export async function patientKeys(
  db: Runner,
  tenants: readonly number[],
  patients: readonly number[],
): Promise<PatientKeyRow[]> {
  return (await db.query(PATIENT_KEYS, [int4Array(tenants), int8Array(patients)])).map(patientKeyRow)
}

/** What a statement of another module adds to bring the wrapped keys of its rows' patients along. */
export interface KeyJoin {
  /** The join, for a row with columns `tenant` and `patient`. A key under rotation has two versions: then the row comes twice. */
  text(row: string): string
  /** What to select; all null for a row of a patient without a key. */
  columns: string
  /** The key version that the columns of one row hold. */
  read(place: { tenant: number; patient: number }, columns: readonly unknown[]): WrappedKey | undefined
}

/** One version of a patient's key as it is stored; `Vault.unwrap` opens it. */
export type WrappedKey = PatientKeyRow

export const KEY_JOIN: KeyJoin = {
  text: (row) => `left join vault.patient_key k on k.tenant = ${row}.tenant and k.patient = ${row}.patient`,
  columns: 'k.key_version, k.epoch, k.lineage, k.wrapped',
  read({ tenant, patient }, [version, epoch, lineage, wrapped]) {
    if (wrapped === null) return undefined
    return { tenant, patient, version, epoch, lineage, wrapped } as WrappedKey
  },
}

function patientKeyRow([tenant, patient, version, epoch, lineage, wrapped]: readonly unknown[]): PatientKeyRow {
  return { tenant, patient, version, epoch, lineage, wrapped } as PatientKeyRow
}

const INSERT_PATIENT_KEYS: Statement = {
  name: 'vault-insert-patient-keys',
  text: `insert into vault.patient_key (tenant, patient, key_version, epoch, lineage, wrapped, created)
         select n.tenant, n.patient, n.version, n.epoch, n.lineage, n.wrapped, ${NOW_MS}
         from unnest($1::int[], $2::bigint[], $3::int[], $4::int[], $5::bigint[], $6::bytea[])
           as n(tenant, patient, version, epoch, lineage, wrapped)
         where not exists (select from vault.shredded s where s.tenant = n.tenant and s.patient = n.patient)
         on conflict do nothing`,
}

/** Rows that exist already, and those of shredded patients, are left out. */
export async function insertPatientKeys(db: Runner, rows: readonly PatientKeyRow[]): Promise<void> {
  await db.query(INSERT_PATIENT_KEYS, columns(rows))
}

function columns(rows: readonly PatientKeyRow[]): Buffer[] {
  return [
    int4Array(rows.map((row) => row.tenant)),
    int8Array(rows.map((row) => row.patient)),
    int4Array(rows.map((row) => row.version)),
    int4Array(rows.map((row) => row.epoch)),
    int8Array(rows.map((row) => row.lineage)),
    byteaArray(rows.map((row) => row.wrapped)),
  ]
}

const OLD_PATIENT_KEYS: Statement = {
  text: `select tenant, patient, key_version, epoch, lineage, wrapped from vault.patient_key
         where tenant = $1 and epoch < $2 and (patient, key_version) > ($3, $4) order by patient, key_version limit $5`,
}

/** The next keys wrapped under an epoch before `epoch`, after the given place. */
export async function oldPatientKeys(
  db: Runner,
  from: { tenant: number; epoch: number; patient: number; version: number; limit: number },
): Promise<PatientKeyRow[]> {
  const rows = await db.query(OLD_PATIENT_KEYS, [from.tenant, from.epoch, from.patient, from.version, from.limit])
  return rows.map(patientKeyRow)
}

const REWRAP_PATIENT_KEYS: Statement = {
  text: `update vault.patient_key k set epoch = n.epoch, wrapped = n.wrapped
         from unnest($1::int[], $2::bigint[], $3::int[], $4::int[], $5::bigint[], $6::bytea[])
           as n(tenant, patient, version, epoch, lineage, wrapped)
         where k.tenant = n.tenant and k.patient = n.patient and k.key_version = n.version and k.lineage = n.lineage
           and k.epoch < n.epoch returning 1`,
}

/** Only rows that are still there and still older: shredded meanwhile stays shredded. Gives the number changed. */
export async function rewrapPatientKeys(db: Runner, rows: readonly PatientKeyRow[]): Promise<number> {
  return (await db.query(REWRAP_PATIENT_KEYS, columns(rows))).length
}

const DELETE_OLDER_VERSIONS: Statement = {
  text: `delete from vault.patient_key k where tenant = $1 and patient = $2 and key_version < $3
         and exists (select from vault.patient_key n where n.tenant = k.tenant and n.patient = k.patient
                     and n.key_version = $3 and n.created <= ${NOW_MS} - $4::bigint) returning 1`,
}

/** Only when version `version` has been there for `settledMs`. Gives the number of versions deleted. */
export async function deleteOlderVersions(
  db: Runner,
  key: { tenant: number; patient: number; version: number; settledMs: number },
): Promise<number> {
  return (await db.query(DELETE_OLDER_VERSIONS, [key.tenant, key.patient, key.version, key.settledMs])).length
}

const COUNT_BY_EPOCH: Statement = {
  text: `select b.tenant, b.epoch, b.created, b.retired,
           (select count(*) from vault.patient_key k where k.tenant = b.tenant and k.epoch = b.epoch)
         from vault.branch_key b order by b.tenant, b.epoch`,
}

/** A branch key as operators see it: never the key itself. */
export interface BranchKeyInfo {
  tenant: number
  epoch: number
  /** Milliseconds since 1970. */
  created: number
  /** When nothing was left under it; null while in use. */
  retired: number | null
  /** Patients' keys wrapped under it. */
  patientKeys: number
}

export async function countByEpoch(db: Runner): Promise<BranchKeyInfo[]> {
  const rows = await db.query(COUNT_BY_EPOCH)
  return rows.map(
    ([tenant, epoch, created, retired, patients]) =>
      ({ tenant, epoch, created, retired, patientKeys: patients }) as BranchKeyInfo,
  )
}

/** Makes inserts wait, so that no key is made for a patient while that patient is shredded. Held for milliseconds. */
export const LOCK_PATIENT_KEYS: Statement = { text: 'lock table vault.patient_key in share row exclusive mode' }

const LINEAGES: Statement = {
  text: `select lineage from vault.patient_key where tenant = $1 and patient = $2
         union select lineage from vault.shredded where tenant = $1 and patient = $2`,
}

/** One at most, unless the key store was tampered with. */
export async function lineagesOf(db: Runner, tenant: number, patient: number): Promise<number[]> {
  return (await db.query(LINEAGES, [tenant, patient])).map((row) => row[0] as number)
}

const DELETE_PATIENT: Statement = {
  text: 'delete from vault.patient_key where tenant = $1 and patient = $2 returning 1',
}

export async function deletePatientKeys(db: Runner, tenant: number, patient: number): Promise<number> {
  return (await db.query(DELETE_PATIENT, [tenant, patient])).length
}

const DELETE_LINEAGES: Statement = {
  text: `delete from vault.patient_key k using unnest($1::int[], $2::bigint[], $3::bigint[]) as s(tenant, patient, lineage)
         where k.tenant = s.tenant and k.patient = s.patient and k.lineage = s.lineage returning 1`,
}

/** Gives the number of keys destroyed. */
export async function deleteLineages(db: Runner, tombstones: readonly Tombstone[]): Promise<number> {
  return (await db.query(DELETE_LINEAGES, tombstoneColumns(tombstones).slice(0, 3))).length
}

const REUSED_NUMBERS: Statement = {
  text: `select count(*) from vault.patient_key k
         join unnest($1::int[], $2::bigint[], $3::bigint[]) as s(tenant, patient, lineage)
           on k.tenant = s.tenant and k.patient = s.patient and k.lineage <> s.lineage`,
}

/** How many of the tombstones name a number that a living patient has now. */
export async function countReusedNumbers(db: Runner, tombstones: readonly Tombstone[]): Promise<number> {
  const [row] = await db.query(REUSED_NUMBERS, tombstoneColumns(tombstones).slice(0, 3))
  return row?.[0] as number
}

const INSERT_TOMBSTONES: Statement = {
  text: `insert into vault.shredded (tenant, patient, lineage, at)
         select s.tenant, s.patient, s.lineage, s.at
         from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[]) as s(tenant, patient, lineage, at)
         where not exists (select from vault.patient_key k where k.tenant = s.tenant and k.patient = s.patient)
         on conflict do nothing returning 1`,
}

/** Not for a number that a living patient has now. Gives the number of new ones. */
export async function insertTombstones(db: Runner, tombstones: readonly Tombstone[]): Promise<number> {
  return (await db.query(INSERT_TOMBSTONES, tombstoneColumns(tombstones))).length
}

function tombstoneColumns(tombstones: readonly Tombstone[]): Buffer[] {
  return [
    int4Array(tombstones.map((one) => one.tenant)),
    int8Array(tombstones.map((one) => one.patient)),
    int8Array(tombstones.map((one) => one.lineage)),
    int8Array(tombstones.map((one) => one.at)),
  ]
}

const TOMBSTONES: Statement = {
  text: `select tenant, patient, lineage, at from vault.shredded
         where (tenant, patient) > ($1, $2) order by tenant, patient limit $3`,
}

export async function tombstonesAfter(
  db: Runner,
  after: { tenant: number; patient: number; limit: number },
): Promise<Tombstone[]> {
  const rows = await db.query(TOMBSTONES, [after.tenant, after.patient, after.limit])
  return rows.map(([tenant, patient, lineage, at]) => ({ tenant, patient, lineage, at }) as Tombstone)
}

const SHREDDED_SINCE: Statement = { text: 'select tenant, patient from vault.shredded where at >= $1' }

export async function shreddedSince(db: Runner, since: number): Promise<{ tenant: number; patient: number }[]> {
  const rows = await db.query(SHREDDED_SINCE, [since])
  return rows.map(([tenant, patient]) => ({ tenant, patient }) as { tenant: number; patient: number })
}

const SHREDDED_AMONG: Statement = {
  text: 'select patient from vault.shredded where tenant = $1 and patient = any($2::bigint[])',
}

export async function shreddedAmong(db: Runner, tenant: number, patients: readonly number[]): Promise<number[]> {
  return (await db.query(SHREDDED_AMONG, [tenant, int8Array(patients)])).map((row) => row[0] as number)
}

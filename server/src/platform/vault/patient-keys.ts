import { createSecretKey, randomInt } from 'node:crypto'
import { FaultError, raise } from '#kernel'
import type { BranchKey, KeyRing } from './key-ring.ts'
import { newKeyBytes, PatientKey } from './keys.ts'
import {
  insertPatientKeys,
  type PatientKeyRow,
  patientKeys,
  type Runner,
  shreddedAmong,
  type WrappedKey,
} from './store.ts'
import { turnBatch } from './turn-batch.ts'
import { unwrapKey, wrapKey } from './wrapping.ts'

/** Look-ups under way at once; more would only make the batches smaller. */
const LOOKUPS_IN_FLIGHT_MAX = 2
/** Requests that share a statement: at a few patients each, its arrays stay within some tens of kilobytes. */
const REQUESTS_PER_LOOKUP_MAX = 2_000
/** A random number that tells one bearer of a patient number from another; 48 bits stay exact in JavaScript. */
const LINEAGE_MAX = 2 ** 48

interface Request {
  tenant: number
  patients: readonly number[]
}

type Found = Map<number, PatientKey>

/** Look-up and creation of patients' keys. Nothing is kept between calls: a shredded key is gone on every process at once. */
export class PatientKeys {
  readonly #db: Runner
  readonly #ring: KeyRing
  readonly #lookups = turnBatch<Request, Found>({
    run: (requests) => this.#lookUp(requests),
    inFlightMax: LOOKUPS_IN_FLIGHT_MAX,
    requestsMax: REQUESTS_PER_LOOKUP_MAX,
  })
  readonly #creations = turnBatch<Request, void>({
    run: (requests) => this.#create(requests),
    inFlightMax: 1,
    requestsMax: REQUESTS_PER_LOOKUP_MAX,
  })

  constructor(options: { db: Runner; ring: KeyRing }) {
    this.#db = options.db
    this.#ring = options.ring
  }

  find(tenant: number, patients: readonly number[]): Promise<Found> {
    return patients.length === 0 ? Promise.resolve(new Map()) : this.#lookups.add({ tenant, patients })
  }

  async ensure(tenant: number, patients: readonly number[]): Promise<Found> {
    const found = await this.find(tenant, patients)
    const missing = patients.filter((patient) => !found.has(patient))
    if (missing.length === 0) return found
    await this.#creations.add({ tenant, patients: missing })
    const made = await this.find(tenant, missing)
    for (const [patient, key] of made) found.set(patient, key)
    if (patients.some((patient) => !found.has(patient))) raise(SHREDDED)
    return found
  }

  async #lookUp(requests: Request[]): Promise<(Found | Error)[]> {
    const tenants = new Set(requests.map((request) => request.tenant))
    const patients = new Set(requests.flatMap((request) => request.patients))
    const rows = await patientKeys(this.#db, [...tenants], [...patients])
    const keys = new Map<number, Found>([...tenants].map((tenant) => [tenant, new Map()]))
    const failures = new Map<number, Error>()
    for (const row of rows) {
      try {
        const found = keys.get(row.tenant) as Found
        const key = found.get(row.patient) ?? new PatientKey(row.tenant, row.patient)
        key.add(row.version, await this.#unwrap(row))
        found.set(row.patient, key)
      } catch (error) {
        // One tenant's closed keys must not refuse the other tenants of the same turn.
        failures.set(row.tenant, error as Error)
      }
    }
    return requests.map(
      ({ tenant, patients: wanted }) => failures.get(tenant) ?? pick(keys.get(tenant) as Found, wanted),
    )
  }

  /** The key whose versions another module's statement brought along; undefined when there is none. */
  async open(wrapped: readonly WrappedKey[]): Promise<PatientKey | undefined> {
    const [first] = wrapped
    if (!first) return undefined
    const key = new PatientKey(first.tenant, first.patient)
    for (const row of wrapped) key.add(row.version, await this.#unwrap(row))
    return key
  }

  /** Waits only when the branch key was made by another process a moment ago. */
  async #unwrap(row: PatientKeyRow) {
    const branch = await this.#ring.branch(row.tenant, row.epoch)
    const bytes = unwrapKey(branch.secret, row.wrapped, patientKeyPlace(row))
    const secret = createSecretKey(bytes)
    bytes.fill(0)
    return secret
  }

  async #create(requests: Request[]): Promise<(void | Error)[]> {
    const rows = new Map<string, PatientKeyRow>()
    for (const { tenant, patients } of requests)
      for (const patient of patients)
        if (!rows.has(`${tenant}/${patient}`))
          rows.set(`${tenant}/${patient}`, newPatientKeyRow(this.#ring.newest(tenant), patient))
    await insertPatientKeys(this.#db, [...rows.values()])
    return Promise.all(requests.map((request) => this.#refuseShredded(request)))
  }

  async #refuseShredded({ tenant, patients }: Request): Promise<void | Error> {
    const shredded = await shreddedAmong(this.#db, tenant, patients)
    return shredded.length > 0 ? new FaultError(SHREDDED) : undefined
  }
}

const SHREDDED = {
  category: 'gone',
  code: 'vault.shredded',
  message: 'The record of this patient was erased. Nothing can be stored under this patient number again.',
} as const

/** A new random key for a patient, version 1 unless it replaces another. */
export function newPatientKeyRow(
  branch: BranchKey,
  patient: number,
  after?: { version: number; lineage: number },
): PatientKeyRow {
  const row = {
    tenant: branch.tenant,
    patient,
    version: (after?.version ?? 0) + 1,
    epoch: branch.epoch,
    lineage: after?.lineage ?? randomInt(1, LINEAGE_MAX - 1),
  }
  const key = newKeyBytes()
  const wrapped = wrapKey(branch.secret, key, patientKeyPlace(row))
  key.fill(0)
  return { ...row, wrapped }
}

/** The same key, wrapped under another branch key. */
export function rewrapPatientKeyRow(row: PatientKeyRow, from: BranchKey, to: BranchKey): PatientKeyRow {
  const key = unwrapKey(from.secret, row.wrapped, patientKeyPlace(row))
  const moved = { ...row, epoch: to.epoch }
  const wrapped = wrapKey(to.secret, key, patientKeyPlace(moved))
  key.fill(0)
  return { ...moved, wrapped }
}

function patientKeyPlace(row: { tenant: number; patient: number; version: number; epoch: number; lineage: number }) {
  return {
    kind: 'patient',
    tenant: row.tenant,
    epoch: row.epoch,
    version: row.version,
    subject: row.patient,
    lineage: row.lineage,
  } as const
}

function pick(found: Found, wanted: readonly number[]): Found {
  const picked: Found = new Map()
  for (const patient of wanted) {
    const key = found.get(patient)
    if (key) picked.set(patient, key)
  }
  return picked
}

import { patientReferences, typeNumber } from '@salus/fhir-model'
import { eventLoopTurns, raise } from '#kernel'
import type { DataKey, PatientKey } from '#vault'
import { checkParameters } from '../parameters/check-parameters.ts'
import { parameterRow } from '../parameters/parameter-row.ts'
import type { IndexTools } from '../search/index-resource.ts'
import type { IndexRow } from '../search/index-row.ts'
import type { Draft } from './draft.ts'
import { indexDrafts } from './index-drafts.ts'
import { addIndexRows, searchColumns } from './index-rows.ts'
import type { RecordStore } from './record-store.ts'
import type { LocalId, ResolvedIds } from './resolve-ids.ts'
import { type DeletedRow, noRows, type WriteRows } from './rows.ts'

export interface PreparedRows {
  rows: WriteRows
  /** Patients whose record is written, for the audit record. */
  patients: number[]
}

const PATIENT = typeNumber('Patient') as number
const SEARCH_PARAMETER = typeNumber('SearchParameter') as number

/**
 * Index, seal and lay out the drafts of one unit of work. Each resource is sealed under the key of the one patient its
 * owner references name; a resource of no patient, or of several, is sealed under the tenant's key.
 *
 * Faults: `fhir.store.patient-erased` (gone) when that patient's key was shredded; `fhir.store.values-to-index-too-many`;
 * `fhir.search.own-parameters-too-many`.
 */
export async function prepareRows(
  store: RecordStore,
  tenant: number,
  drafts: readonly Draft[],
  ids: ResolvedIds,
): Promise<PreparedRows> {
  const turn = eventLoopTurns(store.clock)
  const owners: LocalId[][] = []
  for (const { resource } of drafts) {
    owners.push(resource ? ownerIds(resource) : [])
    await turn()
  }
  await ids.resolve(owners.flat(), { create: true })
  for (const [index, draft] of drafts.entries())
    draft.patient = await patientOf(store, tenant, draft, owners[index] ?? [], ids)
  const indexed = await indexWith(store, tenant, { drafts, owners, ids })
  const keys = await keysOf(store, tenant, drafts, ids)

  const rows = noRows()
  rows.aliases = ids.aliases
  for (const [index, draft] of drafts.entries()) {
    await turn()
    if (draft.typeNumber === SEARCH_PARAMETER) rows.parameters.push(parameterRow(tenant, draft))
    if (!draft.resource) {
      rows.deleted.push(tombstone(store, tenant, draft, keys(draft.patient)))
      continue
    }
    draft.body = Buffer.from(JSON.stringify(draft.exact ?? draft.resource))
    addRows(rows, { store, tenant, draft, index: indexed[index] as IndexRow, ids, key: keys(draft.patient) })
  }
  if (rows.parameters.length > 0) await checkParameters(store.database, tenant, rows.parameters)
  return { rows, patients: [...new Set(drafts.map((draft) => draft.patient).filter((patient) => patient !== 0))] }
}

export interface Indexable {
  drafts: readonly Pick<Draft, 'resource' | 'patient'>[]
  /** What each names as the patient it belongs to. */
  owners: readonly LocalId[][]
  ids: ResolvedIds
}

/** What each is found by, with the ids it refers to resolved; undefined for a delete. */
export async function indexWith(
  store: RecordStore,
  tenant: number,
  { drafts, owners, ids }: Indexable,
): Promise<(IndexRow | undefined)[]> {
  const tokens = store.vault.tokenizer(tenant)
  const custom = await store.customParameters(tenant)
  const toolsOf = (index: number): IndexTools => {
    const owner = owners[index]?.find(({ type, id }) => ids.rid(type, id) === drafts[index]?.patient)?.id
    return owner === undefined ? { tokens, custom } : { tokens, custom, owner }
  }
  const indexed = await indexDrafts(store.clock, drafts, toolsOf)
  await ids.resolve(referencedIds(indexed), { create: true })
  return indexed
}

/** What a resource names as the patient it belongs to. */
export function ownerIds(resource: object): LocalId[] {
  return patientReferences(resource).flatMap((reference) => {
    const id = /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/.exec(reference)?.[1]
    return id === undefined ? [] : [{ type: 'Patient', id }]
  })
}

/** The one patient; a delete stays with the patient of the version it ends. */
async function patientOf(
  store: RecordStore,
  tenant: number,
  draft: Draft,
  owners: LocalId[],
  ids: ResolvedIds,
): Promise<number> {
  if (draft.typeNumber === PATIENT) return draft.rid
  if (!draft.resource) return (await store.current({ tenant, type: draft.typeNumber, rid: draft.rid }))?.patient ?? 0
  const rids = new Set(owners.map((owner) => ids.rid(owner.type, owner.id)))
  const [only] = rids
  return rids.size === 1 ? (only ?? 0) : 0
}

function* referencedIds(indexed: readonly (IndexRow | undefined)[]): Iterable<LocalId> {
  for (const row of indexed) for (const reference of row?.references ?? []) yield reference.target
}

/** Keys of all patients concerned: made for patients that arrive with this unit, looked up for the others. */
async function keysOf(
  store: RecordStore,
  tenant: number,
  drafts: readonly Draft[],
  ids: ResolvedIds,
): Promise<(patient: number) => DataKey> {
  const arriving = new Set(ids.aliases.filter((alias) => alias.type === PATIENT).map((alias) => alias.rid))
  for (const draft of drafts) if (draft.typeNumber === PATIENT && draft.version === 1) arriving.add(draft.rid)
  const known = new Set<number>()
  for (const draft of drafts) if (draft.patient !== 0 && !arriving.has(draft.patient)) known.add(draft.patient)
  const none = new Map<number, PatientKey>()
  const [made, found] = await Promise.all([
    arriving.size > 0 ? store.vault.ensurePatientKeys(tenant, [...arriving]) : none,
    known.size > 0 ? store.vault.patientKeys(tenant, [...known]) : none,
  ])
  return (patient) => {
    if (patient === 0) return store.vault.tenantKey(tenant)
    return (
      made.get(patient) ??
      found.get(patient) ??
      raise({
        category: 'gone',
        code: 'fhir.store.patient-erased',
        message: 'The patient that this belongs to was erased. Nothing can be written to that record.',
      })
    )
  }
}

function tombstone(store: RecordStore, tenant: number, draft: Draft, key: DataKey): DeletedRow {
  const { typeNumber: type, rid, version, patient, expected, updated } = draft
  const meta = { versionId: String(version), lastUpdated: new Date(updated).toISOString() }
  const body = Buffer.from(JSON.stringify({ resourceType: draft.type, id: draft.id, meta }))
  return {
    tenant,
    type,
    rid,
    expected,
    patient,
    updated,
    sealed: store.vault.seal(key, { tenant, type, rid, version, patient }, body, type),
  }
}

interface RowInput {
  store: RecordStore
  tenant: number
  draft: Draft
  index: IndexRow
  ids: ResolvedIds
  key: DataKey
}

function addRows(rows: WriteRows, { store, tenant, draft, index, ids, key }: RowInput): void {
  const { rid, typeNumber: type, version, patient, updated } = draft
  const sealed = store.vault.seal(key, { tenant, type, rid, version, patient }, draft.body as Buffer, type)
  const row = {
    ...searchColumns(index),
    tenant,
    type,
    rid,
    expected: draft.expected,
    patient,
    version,
    updated,
    sealed,
  }
  if (draft.expected > 0) rows.updated.push(row)
  else rows.created.push(row)
  addIndexRows(rows, row, index, ids)
}

import { typeNumber } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { FhirRequest, FhirResponse } from '../rest/exchange.ts'
import { locate } from '../rest/read.ts'
import { FORBIDDEN, requireScope } from '../rest/require.ts'
import type { SearchDeps } from '../search/index.ts'
import { ResolvedIds } from '../store/resolve-ids.ts'
import { NOT_FOUND } from '../store/resolve-targets.ts'
import type { Caller } from '../store/write-request.ts'
import { ASYNC_ONLY } from './bulk-faults.ts'
import { askedBy, KIND } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { typeFilterOf } from './export-filters.ts'
import { type ExportWish, readExportParameters } from './export-parameters.ts'
import { EXPORTED_TYPES, type ExportRequest, ofPatients } from './export-plan.ts'
import { requireRoom } from './kick-off-limits.ts'
import { EXPORT_BEGINS } from './run-export.ts'
import { accepted, type StartDependencies, startJob } from './start-job.ts'

export interface ExportDependencies extends StartDependencies {
  search: SearchDeps
}

/**
 * Kick-off of an export: `$export`, `Patient/$export`, `Group/[id]/$export`. Everything that can be refused is refused here;
 * what is left is a job. Faults `fhir.bulk.*`, `fhir.forbidden`, those of the search.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-kick-off-request
 */
export async function startExport(
  dependencies: ExportDependencies,
  caller: Caller,
  request: FhirRequest,
): Promise<FhirResponse> {
  const level = levelOf(request.path)
  if (request.method !== 'GET' && request.method !== 'POST') raise(METHOD)
  const { address } = request
  if (address === undefined || (!request.prefer.async && request.prefer.handling !== 'lenient')) raise(ASYNC_ONLY)
  const wish = readExportParameters(request)
  const types = typesOf(caller, level, wish)
  if (level === 'system' && wish.patients) raise(PATIENT_AT_SYSTEM)
  const { store, search } = dependencies
  for (const type of new Set(wish.typeFilters.map((one) => one.type))) {
    if (!types.includes(type)) raise(FILTER_WITHOUT_TYPE)
    await typeFilterOf(search, caller, wish, type)
  }
  const group = level === 'group' ? await groupOf(dependencies, caller, request.path[1] as string) : undefined
  const patients = wish.patients ? await listedPatients(dependencies, caller, wish.patients, group) : group?.patients
  await requireRoom(store, caller)
  const [number] = await store.takeRids(1)
  const now = store.clock.now()
  const { since, before, elements, typeFilters, warnings } = wish
  const job: ExportRequest = {
    ...askedBy(caller, request.method === 'POST' ? (address.split('?', 1)[0] as string) : address),
    level,
    types,
    at: now,
    elements,
    typeFilters,
    warnings,
    allOfThem: wish.patients !== undefined,
    ...(since === undefined ? {} : { since }),
    ...(before === undefined ? {} : { before }),
    ...(patients ? { patients } : {}),
  }
  await startJob(dependencies, caller, request, {
    number: number as number,
    kind: KIND.export,
    request: job,
    cursor: EXPORT_BEGINS,
    turn: now + BULK_LIMITS.settleMs,
    // The members of a Group are what reading it would have disclosed.
    patients: patients ?? [],
    type: typeNumber(level === 'group' ? 'Group' : level === 'patient' ? 'Patient' : '') ?? 0,
    rid: group?.rid ?? 0,
  })
  return accepted(dependencies, { tenant: caller.tenant, number: number as number })
}

function levelOf(path: readonly string[]): ExportRequest['level'] {
  if (path.length === 1) return 'system'
  if (path.length === 2 && path[0] === 'Patient') return 'patient'
  return path.length === 3 && path[0] === 'Group' ? 'group' : raise(UNKNOWN)
}

/** The types that the token may read and search, and that were asked for. What was asked for and may not be is refused. */
function typesOf(caller: Caller, level: ExportRequest['level'], wish: ExportWish): string[] {
  const isAllowed = (type: string): boolean => caller.scopes.allows(type, 'r') && caller.scopes.allows(type, 's')
  const isInLevel = (type: string): boolean => level === 'system' || ofPatients(type)
  const asked = wish.types ?? EXPORTED_TYPES.filter((type) => isInLevel(type) && isAllowed(type))
  if (asked.some((type) => !isAllowed(type)) || asked.length === 0) raise(FORBIDDEN)
  if (asked.some((type) => !isInLevel(type) || !EXPORTED_TYPES.includes(type))) raise(OUTSIDE)
  // In the order of the server, whatever order was asked for: the walk is the same each time.
  return EXPORTED_TYPES.filter((type) => asked.includes(type))
}

/** Active members who are patients now; needs the scope to read the Group. The index holds no Group of more than 100,000. */
async function groupOf(
  { store, search, fhirBase }: ExportDependencies,
  caller: Caller,
  id: string,
): Promise<{ rid: number; patients: number[] }> {
  const key = await locate(store, caller, 'Group', id)
  const found = key && (await store.openable(key))
  if (!found?.key || found.row.sealed.length === 0) return raise(NOT_FOUND)
  const group = JSON.parse(store.vault.open(found.key, found.row, found.row.sealed).toString()) as { member?: Member[] }
  const now = search.clock.now()
  const ids = (group.member ?? []).flatMap((member) => activePatient(member, fhirBase, now))
  return { rid: found.row.rid, patients: await numbersOf({ store }, caller, ids) }
}

interface Member {
  inactive?: boolean
  period?: { end?: string }
  entity?: { reference?: string }
}

function activePatient({ inactive, period, entity }: Member, fhirBase: string, now: number): string[] {
  const reference = entity?.reference ?? ''
  const relative = reference.startsWith(`${fhirBase}/`) ? reference.slice(fhirBase.length + 1) : reference
  const id = /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/.*)?$/.exec(relative)?.[1]
  // An end without a time is the whole day: https://hl7.org/fhir/R4/datatypes.html#Period
  const end = period?.end === undefined ? Number.NaN : Date.parse(period.end)
  const hasEnded = end + (/T/.test(period?.end ?? '') ? 0 : DAY_MS) <= now
  return id === undefined || inactive === true || hasEnded ? [] : [id]
}

const DAY_MS = 86_400_000

async function numbersOf(
  { store }: Pick<ExportDependencies, 'store'>,
  caller: Caller,
  ids: readonly string[],
): Promise<number[]> {
  const resolved = new ResolvedIds(store, caller.tenant)
  await resolved.resolve(
    ids.map((id) => ({ type: 'Patient', id })),
    { create: false },
  )
  return [...new Set(ids.flatMap((id) => resolved.rid('Patient', id) ?? []))].sort((a, b) => a - b)
}

/** Patients whom the client listed: all must be there, and in the Group where one is exported. */
async function listedPatients(
  dependencies: ExportDependencies,
  caller: Caller,
  ids: readonly string[],
  group: { patients: number[] } | undefined,
): Promise<number[]> {
  const { store } = dependencies
  requireScope(caller, 'Patient', 'r')
  const numbers = await numbersOf(dependencies, caller, ids)
  const type = typeNumber('Patient') as number
  const rows = await Promise.all(numbers.map((rid) => store.current({ tenant: caller.tenant, type, rid })))
  const living = await store.vault.patientKeys(caller.tenant, numbers)
  const members = group && new Set(group.patients)
  const isThere = (rid: number, index: number): boolean =>
    rows[index] !== undefined && living.has(rid) && (members === undefined || members.has(rid))
  if (numbers.length < ids.length || !numbers.every(isThere)) raise(PATIENT_UNKNOWN)
  return numbers
}

const UNKNOWN: Fault = {
  category: 'not-found',
  code: 'fhir.operation.unknown',
  message: 'There is no such operation at this address. See the CapabilityStatement at /metadata.',
}
const METHOD: Fault = {
  category: 'invalid',
  code: 'fhir.http.method',
  message: '$export takes GET and POST.',
}
const OUTSIDE: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.type-outside',
  message:
    '_type names a type that is not exported at this level. AuditEvents never are; others are at the system level.',
}
const PATIENT_AT_SYSTEM: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.patient-at-system',
  message: 'The parameter patient restricts Patient/$export and Group/[id]/$export.',
}
const FILTER_WITHOUT_TYPE: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.type-filter-without-type',
  message: '_typeFilter names a type that is not exported. Add it to _type, or remove the filter.',
}
const PATIENT_UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.patient-unknown',
  message: 'A patient of the list is not on this server, or is no active member of the Group. Remove it from the list.',
}

import { typeNumber } from '@salus/fhir-model'
import { type Fault, type FaultCategory, FaultError, raise } from '#kernel'
import { sealDetail } from '../rest/audit-detail.ts'
import { auditRecord } from '../rest/audit-record.ts'
import { type FhirRequest, type Handler, jsonResponse } from '../rest/exchange.ts'
import { locate } from '../rest/read.ts'
import { requireScope, requireType } from '../rest/require.ts'
import type { RecordStore } from '../store/record-store.ts'
import { NOT_FOUND } from '../store/resolve-targets.ts'
import type { StoredRow } from '../store/rows.ts'
import type { Caller, Resource } from '../store/write-request.ts'
import type { Operation, OperationAnswer, OperationCall, OperationLevel } from './operation.ts'
import { questionText } from './question-text.ts'
import { readParameters } from './read-parameters.ts'

/**
 * Runs the operations of a table: finds the one of the address, asks for its scope, reads its parameters strictly, and records
 * the call before it is answered. http://hl7.org/fhir/R4/operations.html
 */
export function operationHandler(store: RecordStore, operations: readonly Operation[]): Handler {
  const table = new Map(operations.map((one) => [one.name, one]))
  return async (caller, request) => {
    const { operation, level, type, id } = addressed(table, request)
    if (type !== undefined) requireType(type)
    if (type !== undefined || operation.namesTypes !== true)
      requireScope(caller, type ?? (operation.types[0] as string), operation.permission)
    if (operation.affectsState && request.method !== 'POST') raise(METHOD)
    const parameters = readParameters(operation, request)
    if (operation.changes?.(parameters) === true && request.method !== 'POST') raise(METHOD)
    const instance = level === 'instance' ? await opened(store, caller, type as string, id as string) : undefined
    const call: OperationCall = {
      caller,
      type,
      parameters,
      ...(instance ? { instance } : {}),
      ...(request.acceptLanguage === undefined ? {} : { acceptLanguage: request.acceptLanguage }),
    }
    const done = { operation, type, instance, parameters }
    const answer = await run(operation, call, (failed) => record(store, caller, request, { ...done, answer: failed }))
    await record(store, caller, request, { ...done, answer })
    const { status, body } = answer
    return Buffer.isBuffer(body) ? { status, body } : jsonResponse(status, body)
  }
}

/**
 * A refusal that comes after the resource was opened tells that it is there: it is an access, and recorded. So is one that tells
 * whether what the parameters name is there.
 */
async function run(
  operation: Operation,
  call: OperationCall,
  recordFailed: (answer: Pick<OperationAnswer, 'status'>) => Promise<void>,
): Promise<OperationAnswer> {
  try {
    return await operation.run(call)
  } catch (error) {
    const tells = error instanceof FaultError && TELLING.has(error.fault.category)
    if (call.instance || tells) await recordFailed({ status: 400 })
    throw error
  }
}

const TELLING: ReadonlySet<FaultCategory> = new Set(['not-found', 'gone', 'conflict', 'precondition'])

interface Addressed {
  operation: Operation
  level: OperationLevel
  type: string | undefined
  id: string | undefined
}

function addressed(table: ReadonlyMap<string, Operation>, { path }: FhirRequest): Addressed {
  const found = table.get((path.at(-1) ?? '').slice(1)) ?? raise(UNKNOWN)
  const level: OperationLevel = path.length === 1 ? 'system' : path.length === 2 ? 'type' : 'instance'
  const type = level === 'system' ? undefined : path[0]
  if (path.length > 3 || !found.levels.includes(level)) raise(UNKNOWN)
  if (type !== undefined && !found.types.includes(type)) raise(UNKNOWN)
  const operation = { ...found, ...found.byType?.[type ?? ''] }
  return { operation, level, type, id: level === 'instance' ? path[1] : undefined }
}

/** The resource of an instance's address; needs the scope to read it. */
async function opened(
  store: RecordStore,
  caller: Caller,
  type: string,
  id: string,
): Promise<{ row: StoredRow; resource: Resource }> {
  const key = await locate(store, caller, type, id)
  const found = key && (await store.openable(key))
  if (!found?.key || found.row.sealed.length === 0) {
    const where = key ? { type: key.type, rid: key.rid } : { type: requireType(type) }
    await store.ledger.record(auditRecord(store, caller, { action: 'operation', outcome: 'failed', ...where }))
    return raise(NOT_FOUND)
  }
  const { row } = found
  return { row, resource: JSON.parse(store.vault.open(found.key, row, row.sealed).toString()) as Resource }
}

interface Done {
  operation: Operation
  type: string | undefined
  instance: { row: StoredRow } | undefined
  parameters: Resource
  answer: Pick<OperationAnswer, 'status' | 'patients' | 'count'>
}

/** Every call is an access: who asked what is known before the answer leaves. */
function record(
  store: RecordStore,
  caller: Caller,
  { query, method }: FhirRequest,
  { operation, type, instance, parameters, answer }: Done,
): Promise<void> {
  const own = instance && instance.row.patient !== 0 ? [instance.row.patient] : []
  const plain = query === '' ? `$${operation.name}` : `$${operation.name}?${query}`
  const text = operation.asks === true && method === 'POST' ? questionText(operation.name, parameters) : plain
  return store.ledger.record(
    auditRecord(store, caller, {
      action: 'operation',
      outcome: answer.status < 400 ? 'success' : 'failed',
      type: type === undefined ? 0 : (typeNumber(type) ?? 0),
      rid: instance?.row.rid ?? 0,
      version: instance?.row.version ?? 0,
      patients: [...new Set([...own, ...(answer.patients ?? [])])],
      count: answer.count ?? 0,
      detail: sealDetail(store.vault, caller.tenant, text),
    }),
  )
}

const UNKNOWN: Fault = {
  category: 'not-found',
  code: 'fhir.operation.unknown',
  message: 'There is no such operation at this address. See the CapabilityStatement at /metadata.',
}
const METHOD: Fault = {
  category: 'invalid',
  code: 'fhir.http.method',
  message: 'This operation changes something: send it with POST.',
}

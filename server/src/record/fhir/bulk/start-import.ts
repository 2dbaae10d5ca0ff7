import { RESOURCE_TYPES } from '@salus/fhir-model'
import { eventLoopTurns, type Fault, raise } from '#kernel'
import type { FhirRequest, FhirResponse } from '../rest/exchange.ts'
import { FORBIDDEN, requireScope } from '../rest/require.ts'
import type { Caller } from '../store/write-request.ts'
import { ASYNC_ONLY } from './bulk-faults.ts'
import { askedBy, KIND } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'
import { type ImportRequest, readManifest } from './import-parameters.ts'
import { sealPage } from './job-seal.ts'
import { requireRoom } from './kick-off-limits.ts'
import { IMPORT_BEGINS } from './run-import.ts'
import { accepted, type StartDependencies, startJob } from './start-job.ts'
import { insertInput, openJob } from './store.ts'

/**
 * Kick-off of an import: the resources themselves as newline delimited JSON, or a manifest that says where they lie.
 * Faults `fhir.bulk.*`, `fhir.forbidden`.
 */
export async function startImport(
  dependencies: StartDependencies,
  caller: Caller,
  request: FhirRequest,
): Promise<FhirResponse> {
  const { store } = dependencies
  if (request.path.length !== 1) raise(UNKNOWN)
  if (request.method !== 'POST') raise(METHOD)
  const { address, ndjson } = request
  if (address === undefined || (!request.prefer.async && request.prefer.handling !== 'lenient')) raise(ASYNC_ONLY)
  const manifest = ndjson ? { inputs: [{}] } : readManifest(request.resource)
  requireWriting(caller, 'types' in manifest ? manifest.types : undefined)
  await requireRoom(store, caller)
  const [number] = (await store.takeRids(1)) as [number]
  const now = store.clock.now()
  const job: ImportRequest = { ...askedBy(caller, address), ...manifest }
  await startJob(dependencies, caller, request, {
    number,
    kind: KIND.import,
    request: job,
    cursor: IMPORT_BEGINS,
    // Nobody takes it before its input is there.
    turn: ndjson ? now + dependencies.keepMs : now,
    patients: [],
    type: 0,
    rid: 0,
  })
  if (ndjson) {
    const pages = await keepUpload(dependencies, caller, { number, ndjson })
    await openJob(store.database, number, { turn: now, pages })
  }
  return accepted(dependencies, { tenant: caller.tenant, number })
}

/** Scopes to create and update: of each type the manifest names, of any type for an upload, whose lines are judged one by one. */
function requireWriting(caller: Caller, types: readonly string[] | undefined): void {
  if (types) {
    for (const type of types) {
      requireScope(caller, type, 'c')
      requireScope(caller, type, 'u')
    }
    return
  }
  const mayWrite = RESOURCE_TYPES.some((type) => caller.scopes.allows(type, 'c') && caller.scopes.allows(type, 'u'))
  if (!mayWrite) raise(FORBIDDEN)
}

/** Seal what was sent, page by page; a page may end within a line. */
async function keepUpload(
  { store }: StartDependencies,
  caller: Caller,
  { number, ndjson }: { number: number; ndjson: Buffer },
): Promise<number> {
  const turn = eventLoopTurns(store.clock)
  let seq = 0
  for (let from = 0; from < ndjson.length; from += BULK_LIMITS.pageBytesMax) {
    const text = ndjson.subarray(from, from + BULK_LIMITS.pageBytesMax)
    seq++
    const sealed = sealPage(store.vault, { tenant: caller.tenant, number }, seq, text)
    await insertInput(store.database, { job: number, seq, file: 1, bytes: text.length, sealed })
    await turn()
  }
  return seq
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

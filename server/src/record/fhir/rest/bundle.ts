import { eventLoopTurns, type Fault, FaultError, raise } from '#kernel'
import { applyWrites, type WriteDependencies } from '../store/apply-writes.ts'
import type { Caller, WriteRequest } from '../store/write-request.ts'
import { inResource } from '../validate/place-in-entry.ts'
import { type BundleEntry, bundleEntries } from './bundle-entries.ts'
import { type FhirResponse, type Handler, type Prefer } from './exchange.ts'
import type { JsonBody } from './json-body.ts'
import { allowedReturn, writeRequestOf, writeResponse } from './write.ts'

/** Entries of a batch that run at once: enough to share commits, few enough to leave room for other requests. */
const BATCH_PARALLEL = 16

export interface BundleDependencies extends WriteDependencies {
  handle: Handler
  /** What an entry answers that ended in `error`; refusals are audited, what is unexpected is logged. */
  faultAnswer(error: unknown, caller: Caller): Promise<FhirResponse>
}

/** POST [base]: http://hl7.org/fhir/R4/http.html#transaction */
export async function bundle(
  dependencies: BundleDependencies,
  caller: Caller,
  body: JsonBody,
  prefer: Prefer,
): Promise<FhirResponse> {
  const type = body.value.type
  if (body.value.resourceType !== 'Bundle' || (type !== 'batch' && type !== 'transaction')) raise(NOT_A_BUNDLE)
  const entries = await bundleEntries(body, dependencies.fhirBase, dependencies.store.clock)
  const responses =
    type === 'batch'
      ? await batch(dependencies, caller, entries)
      : await transaction(dependencies, caller, entries, prefer)
  return { status: 200, body: responseBundle(type, responses, dependencies.fhirBase) }
}

/** Entries stand alone: one may fail and the others are done. */
async function batch(
  dependencies: BundleDependencies,
  caller: Caller,
  entries: BundleEntry[],
): Promise<FhirResponse[]> {
  const responses: FhirResponse[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let index = next++; index < entries.length; index = next++) {
      const entry = entries[index] as BundleEntry
      try {
        entry.check()
        responses[index] = await dependencies.handle(caller, entry.request)
      } catch (error) {
        responses[index] = await dependencies.faultAnswer(error, caller)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(BATCH_PARALLEL, entries.length) }, lane))
  return responses
}

/** All writes in one commit, then the reads, which see them. Any failure fails the whole and writes nothing. */
async function transaction(
  dependencies: BundleDependencies,
  caller: Caller,
  entries: BundleEntry[],
  prefer: Prefer,
): Promise<FhirResponse[]> {
  const writes: number[] = []
  const reads: number[] = []
  for (const [index, entry] of entries.entries()) (isRead(entry) ? reads : writes).push(index)
  const requests = await checkedRequests(dependencies, caller, entries, writes)
  const responses: FhirResponse[] = []
  const outcomes = requests.length > 0 ? await applyWrites(dependencies, caller, requests, 'transaction') : []
  for (const [place, index] of writes.entries())
    responses[index] = writeResponse(
      outcomes[place] as (typeof outcomes)[number],
      allowedReturn(caller, requests[place] as (typeof requests)[number], { return: prefer.return ?? 'minimal' }),
    )
  for (const index of reads) {
    try {
      responses[index] = await dependencies.handle(caller, (entries[index] as BundleEntry).request)
    } catch (error) {
      // The writes are committed by now: a failing read must not make the client believe that they are not.
      responses[index] = await dependencies.faultAnswer(error, caller)
    }
  }
  return responses
}

async function checkedRequests(
  { store }: BundleDependencies,
  caller: Caller,
  entries: readonly BundleEntry[],
  writes: readonly number[],
): Promise<WriteRequest[]> {
  const turn = eventLoopTurns(store.clock)
  const requests: WriteRequest[] = []
  for (const index of writes) {
    const entry = entries[index] as BundleEntry
    const request = inEntry(index, () => {
      entry.check()
      return { ...writeRequestOf(caller, entry.request), place: `Bundle.entry[${index}]` }
    })
    requests.push(request)
    await turn()
  }
  return requests
}

function isRead(entry: BundleEntry): boolean {
  const { method, path } = entry.request
  return method === 'GET' || method === 'HEAD' || (method === 'POST' && path.at(-1) === '_search')
}

/** Faults of an entry name it, as FHIRPath from the Bundle: the place within the entry begins with the type. */
function inEntry<T>(index: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    const within = (fault: Fault): Fault => ({
      ...fault,
      expression: fault.expression?.startsWith(`Bundle.entry[${index}]`)
        ? fault.expression
        : fault.expression === undefined
          ? `Bundle.entry[${index}]`
          : inResource(`Bundle.entry[${index}]`, fault.expression),
      ...(fault.details ? { details: fault.details.map(within) } : {}),
    })
    return raise(within(error.fault), error)
  }
}

function responseBundle(type: 'batch' | 'transaction', responses: FhirResponse[], fhirBase: string): Buffer {
  // R4 knows no empty arrays.
  if (responses.length === 0) return Buffer.from(`{"resourceType":"Bundle","type":"${type}-response"}`)
  const parts: Buffer[] = [Buffer.from(`{"resourceType":"Bundle","type":"${type}-response","entry":[`)]
  for (const [index, response] of responses.entries()) {
    if (index > 0) parts.push(COMMA)
    const info = JSON.stringify({
      status: String(response.status),
      ...(response.location === undefined ? {} : { location: `${fhirBase}/${response.location}` }),
      ...(response.version === undefined ? {} : { etag: `W/"${response.version}"` }),
      ...(response.lastModified === undefined ? {} : { lastModified: new Date(response.lastModified).toISOString() }),
    })
    const isOutcome = response.status >= 400
    if (response.body && isOutcome)
      parts.push(Buffer.from(`{"response":${info.slice(0, -1)},"outcome":`), response.body, Buffer.from('}}'))
    else if (response.body) parts.push(Buffer.from('{"resource":'), response.body, Buffer.from(`,"response":${info}}`))
    else parts.push(Buffer.from(`{"response":${info}}`))
  }
  parts.push(Buffer.from(']}'))
  return Buffer.concat(parts)
}

const COMMA = Buffer.from(',')
const NOT_A_BUNDLE: Fault = {
  category: 'invalid',
  code: 'fhir.bundle.not-a-batch',
  message: 'POST a Bundle of type batch or transaction to the base address, or a resource to its type.',
}

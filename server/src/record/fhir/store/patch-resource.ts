import { fhirPathModel, typeNumber } from '@salus/fhir-model'
import { applyFhirPathPatch, FhirPathPatchError } from '@salus/fhirpath'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { assert, type Fault, FaultError, LIMITS, raise } from '#kernel'
import { openRow } from './open-row.ts'
import type { RecordStore } from './record-store.ts'
import { NOT_FOUND } from './resolve-targets.ts'
import type { PatchDocument, Resource, Target, WriteRequest } from './write-request.ts'
import { parseMarked, parseTagged, unmarked, untagged } from './written-numbers.ts'

/** FHIRPath steps of one patch: about 10 ms, ample for paths into one resource. */
const PATCH_STEPS_MAX = 100_000
/** Operations of one JSON Patch; each may copy a subtree. */
const OPERATIONS_MAX = 1_000

export interface PatchedResource {
  resource: Resource
  /** The same with numbers as they were written, in the record or in the patch. */
  exact: Resource
}

/**
 * The current version with the request's patch applied; not yet validated.
 * http://hl7.org/fhir/R4/http.html#patch. Faults: `fhir.patch.*`, `fhir.store.not-found`.
 */
export async function patchedResource(
  store: RecordStore,
  tenant: number,
  request: WriteRequest,
  target: Target,
): Promise<PatchedResource> {
  assert(request.patch && target.rid !== undefined, 'a patch has a document and a target')
  const row = await store.current({ tenant, type: typeNumber(request.type) as number, rid: target.rid })
  if (!row) raise(NOT_FOUND)
  const before = (await openRow(store, row)).toString()
  const { resourceType, id } = JSON.parse(before) as Resource
  const after = applyPatch(before, request.patch)
  // A JSON Patch may replace the document itself, with anything.
  const patched = after.resource as Resource | null
  if (patched?.resourceType !== resourceType || patched.id !== id) raise(IDENTITY_CHANGED)
  refuseOutgrown(after.exact)
  return after
}

/** A patch obeys the limits that a body of its result would: patches upon patches must not grow a resource beyond them. */
function refuseOutgrown(resource: unknown): void {
  if (depthOf(resource, 0) > LIMITS.jsonDepthMax || JSON.stringify(resource).length > LIMITS.resourceBytesMax)
    raise(TOO_LARGE)
}

function depthOf(node: unknown, depth: number): number {
  if (typeof node !== 'object' || node === null || depth > LIMITS.jsonDepthMax) return depth
  return Object.values(node).reduce((deepest: number, child) => Math.max(deepest, depthOf(child, depth + 1)), depth + 1)
}

function applyPatch(resource: string, patch: PatchDocument): PatchedResource {
  try {
    return patch.format === 'json-patch' ? jsonPatched(resource, patch) : fhirPathPatched(resource, patch)
  } catch (error) {
    if (error instanceof FaultError) throw error
    if (error instanceof FhirPathPatchError)
      return raise({ ...NOT_APPLICABLE, message: `${NOT_APPLICABLE.message} (${error.code})` }, error)
    // fast-json-patch names its errors in capitals: TEST_OPERATION_FAILED, OPERATION_PATH_UNRESOLVABLE, ...
    const name = error instanceof Error && /^[A-Z_]+$/.test(error.name) ? ` (${error.name})` : ''
    return raise({ ...NOT_APPLICABLE, message: `${NOT_APPLICABLE.message}${name}` }, error)
  }
}

function fhirPathPatched(resource: string, { body, exact }: PatchDocument): PatchedResource {
  const parameters = parseTagged(JSON.stringify(exact ?? body))
  const patched = applyFhirPathPatch(parseTagged(resource) as never, parameters as never, {
    model: fhirPathModel,
    steps: PATCH_STEPS_MAX,
  })
  return { resource: untagged(patched, false) as Resource, exact: untagged(patched, true) as Resource }
}

/** Applied twice: to the values, which decides; and to their written forms, where a `test` of a number cannot look. */
function jsonPatched(resource: string, { body, exact }: PatchDocument): PatchedResource {
  const operations = checkedOperations(body)
  const values = applied(JSON.parse(resource), structuredClone(operations))
  const marked = (parseMarked(JSON.stringify(exact ?? body)) as Operation[]).filter(({ op }) => op !== 'test')
  return { resource: values as Resource, exact: unmarked(applied(parseMarked(resource), marked)) as Resource }
}

/**
 * One operation after the other, so that what `copy` multiplies (and `move` clones) is counted: thirty copies of a list into
 * itself make it a billion times as long. `operations` become part of the document: callers that need them again pass a copy.
 */
function applied(document: unknown, operations: Operation[]): unknown {
  let copied = 0
  for (const [index, operation] of operations.entries()) {
    if (operation.op === 'copy' || operation.op === 'move') {
      copied += sizeAt(document, operation.from)
      if (copied > LIMITS.resourceBytesMax) raise(TOO_LARGE)
    }
    document = jsonPatch.applyOperation(document, operation, true, true, true, index).newDocument
  }
  return document
}

/** Characters at a place; 0 when nothing is there, which the operation itself then says. */
function sizeAt(document: unknown, from: string): number {
  try {
    return JSON.stringify(jsonPatch.getValueByPointer(document, from))?.length ?? 0
  } catch {
    return 0
  }
}

/** RFC 6902, section 4. The library also knows an inner operation, and takes names of built-in properties for one. */
const OPERATIONS = new Set<unknown>(['add', 'remove', 'replace', 'move', 'copy', 'test'])

function checkedOperations(body: unknown): Operation[] {
  if (!Array.isArray(body) || body.length > OPERATIONS_MAX) raise(MALFORMED)
  for (const operation of body as Record<string, unknown>[]) {
    const paths = [operation?.path, operation?.from].filter((path) => path !== undefined)
    if (
      paths.length === 0 ||
      paths.some((path) => typeof path !== 'string' || /(^|\/)(__proto__|constructor|prototype)(\/|$)/.test(path))
    )
      raise(MALFORMED)
    if (!OPERATIONS.has(operation.op)) raise(NOT_APPLICABLE)
  }
  return body as Operation[]
}

const MALFORMED: Fault = {
  category: 'invalid',
  code: 'fhir.patch.malformed',
  message: `A JSON Patch is an array of at most ${OPERATIONS_MAX} operations with op and path (RFC 6902).`,
}
const NOT_APPLICABLE: Fault = {
  category: 'conflict',
  code: 'fhir.patch.not-applicable',
  message: 'The patch does not apply to the current version. Read the resource and compare the paths.',
}
const TOO_LARGE: Fault = {
  category: 'too-large',
  code: 'fhir.patch.result-too-large',
  message: `What the patch makes is larger than ${LIMITS.resourceBytesMax / 1_048_576} MB, or nested deeper than ${LIMITS.jsonDepthMax} levels.`,
}
const IDENTITY_CHANGED: Fault = {
  category: 'invalid',
  code: 'fhir.patch.identity-changed',
  message: 'A patch may not change resourceType or id.',
}

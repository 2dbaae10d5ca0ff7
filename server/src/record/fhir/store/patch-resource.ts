import { fhirPathModel, typeNumber } from '@salus/fhir-model'
import { applyFhirPathPatch, FhirPathPatchError } from '@salus/fhirpath'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { assert, type Fault, FaultError, raise } from '#kernel'
import { openRow } from './open-row.ts'
import type { RecordStore } from './record-store.ts'
import { NOT_FOUND } from './resolve-targets.ts'
import type { PatchDocument, Resource, Target, WriteRequest } from './write-request.ts'

/** FHIRPath steps of one patch: about 10 ms, ample for paths into one resource. */
const PATCH_STEPS_MAX = 100_000
/** Operations of one JSON Patch; each may copy a subtree. */
const OPERATIONS_MAX = 1_000

/**
 * The current version with the request's patch applied; not yet validated.
 * http://hl7.org/fhir/R4/http.html#patch. Faults: `fhir.patch.*`, `fhir.store.not-found`.
 */
export async function patchedResource(
  store: RecordStore,
  tenant: number,
  request: WriteRequest,
  target: Target,
): Promise<Resource> {
  assert(request.patch && target.rid !== undefined, 'a patch has a document and a target')
  const row = await store.current({ tenant, type: typeNumber(request.type) as number, rid: target.rid })
  if (!row) raise(NOT_FOUND)
  const before = JSON.parse((await openRow(store, row)).toString()) as Resource
  const after = applyPatch(before, request.patch)
  if (after.resourceType !== before.resourceType || after.id !== before.id) raise(IDENTITY_CHANGED)
  return after
}

function applyPatch(resource: Resource, patch: PatchDocument): Resource {
  try {
    return patch.format === 'json-patch'
      ? applyJsonPatch(resource, patch.body)
      : (applyFhirPathPatch(resource, patch.body as never, {
          model: fhirPathModel,
          steps: PATCH_STEPS_MAX,
        }) as Resource)
  } catch (error) {
    if (error instanceof FaultError) throw error
    if (error instanceof FhirPathPatchError)
      return raise({ ...NOT_APPLICABLE, message: `${NOT_APPLICABLE.message} (${error.code})` }, error)
    // fast-json-patch names its errors in capitals: TEST_OPERATION_FAILED, OPERATION_PATH_UNRESOLVABLE, ...
    const name = error instanceof Error && /^[A-Z_]+$/.test(error.name) ? ` (${error.name})` : ''
    return raise({ ...NOT_APPLICABLE, message: `${NOT_APPLICABLE.message}${name}` }, error)
  }
}

function applyJsonPatch(resource: Resource, body: unknown): Resource {
  if (!Array.isArray(body) || body.length > OPERATIONS_MAX) raise(MALFORMED)
  for (const operation of body as Record<string, unknown>[]) {
    const paths = [operation?.path, operation?.from].filter((path) => path !== undefined)
    if (
      paths.length === 0 ||
      paths.some((path) => typeof path !== 'string' || /(^|\/)(__proto__|constructor|prototype)(\/|$)/.test(path))
    )
      raise(MALFORMED)
  }
  return jsonPatch.applyPatch(resource, body as Operation[], true, true, true).newDocument
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
const IDENTITY_CHANGED: Fault = {
  category: 'invalid',
  code: 'fhir.patch.identity-changed',
  message: 'A patch may not change resourceType or id.',
}

import { typeNumber } from '@salus/fhir-model'
import { assert } from '#kernel'
import type { PatchedResource } from './patch-resource.ts'
import type { RecordStore } from './record-store.ts'
import type { Resource, Target, WriteOutcome, WriteRequest } from './write-request.ts'

/** A version on its way into the record. */
export interface Draft {
  action: 'create' | 'update' | 'delete'
  type: string
  typeNumber: number
  id: string
  rid: number
  version: number
  expected: number
  updated: number
  /** Number of the patient it belongs to, 0 for none; decided when its references are resolved. */
  patient: number
  /** With id and meta of this version; references are rewritten in place. Absent for a delete. */
  resource?: Resource
  exact?: Resource
  /** Serialised once all references are final. */
  body?: Buffer
  outcome(): WriteOutcome
}

interface DraftInput {
  request: WriteRequest
  target: Target
  rid: number
  updated: number
  /** What a patch made; otherwise the request's resource counts. */
  patched?: PatchedResource
}

export function draftOf(store: Pick<RecordStore, 'vault'>, tenant: number, input: DraftInput): Draft {
  const { request, target, rid, updated } = input
  const type = typeNumber(request.type)
  assert(type !== undefined, 'the type of a draft is known')
  const id =
    target.id ??
    (request.action === 'update' ? request.resource?.id : undefined) ??
    store.vault.publicId(tenant, type, rid)
  const version = target.latest + 1
  const { resource, exact } = input.patched ?? request
  const meta = { versionId: String(version), lastUpdated: new Date(updated).toISOString() }
  const draft: Draft = {
    action: request.action === 'delete' ? 'delete' : target.expected > 0 ? 'update' : 'create',
    type: request.type,
    typeNumber: type,
    id,
    rid,
    version,
    expected: target.expected,
    updated,
    patient: 0,
    outcome: () => ({
      status: draft.action === 'delete' ? 204 : draft.action === 'create' ? 201 : 200,
      type: draft.type,
      id,
      version,
      updated,
      ...(draft.body ? { body: draft.body } : {}),
    }),
  }
  if (request.action !== 'delete') {
    assert(resource, 'a write that is not a delete has a resource')
    draft.resource = stamped(resource, id, meta)
    if (exact) draft.exact = stamped(exact, id, meta)
  }
  return draft
}

/** The resource with id and meta of this version in front; other meta (tags, profiles, labels) is the client's. */
function stamped(resource: Resource, id: string, meta: Record<string, unknown>): Resource {
  const { resourceType, id: _id, meta: given, ...rest } = resource
  return { resourceType, id, meta: { ...given, ...meta }, ...rest }
}

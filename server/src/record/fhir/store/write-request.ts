import type { ScopeSet } from '#identity'
import type { RequestContext } from '#kernel'

/** Who acts, with what they may do. */
export interface Caller extends RequestContext {
  scopes: ScopeSet
}

/** A FHIR resource as plain JSON. Validated before it comes here. */
export type Resource = { resourceType: string; id?: string; meta?: Record<string, unknown> } & Record<string, unknown>

export interface PatchDocument {
  format: 'json-patch' | 'fhirpath-patch'
  body: unknown
  /** The same with numbers in their written form, when that differs. */
  exact?: unknown
}

/** One write, alone or as an entry of a transaction. */
export interface WriteRequest {
  action: 'create' | 'update' | 'patch' | 'delete'
  type: string
  /** Target of update, patch and delete by id. */
  id?: string
  /** Search query in its canonical form (`canonicalQuery`): `ifNoneExist` of a create, or the criteria of a conditional update, patch or delete. */
  condition?: string
  /** Version the caller expects to replace (`If-Match`). */
  ifMatch?: number
  /** `If-None-Match: *`: only when nothing is there yet. */
  onlyIfAbsent?: boolean
  resource?: Resource
  /** The same resource with numbers in their written form, when that differs (rest/json-body.ts). */
  exact?: Resource
  patch?: PatchDocument
  /** Where in a Bundle it stands, e.g. `Bundle.entry[3]`: named by its faults. */
  place?: string
  /** `Bundle.entry.fullUrl`: what other entries call this resource. */
  fullUrl?: string
}

export interface WriteOutcome {
  status: 200 | 201 | 204
  type: string
  id: string
  /** 0 when nothing was there to delete. */
  version: number
  updated: number
  /** Serialised resource as stored; absent after a delete. */
  body?: Buffer
  /** What a conditional create found instead of making one: disclosed by the answer, so the audit must name it. */
  found?: { type: number; rid: number; version: number; patient: number }
}

/** An earlier or current version found by a condition or an id, and what a request is going to do with it. */
export interface Target {
  rid?: number
  id?: string
  /** Version that is replaced; 0 when there is none. */
  expected: number
  /** Patient of the version that is replaced: a reference may move a resource to another, and both are concerned. */
  patient?: number
  /** Highest version ever, counting tombstones: the new one is this plus one. */
  latest: number
  /** When that version was stored, ms since 1970. */
  latestAt?: number
  /** The target exists and the request asks for nothing more (conditional create that matched, delete of nothing). */
  settled?: WriteOutcome
  /** rid of a condition's single match, 0 for none: looked at again behind the locks. */
  matched?: number
}

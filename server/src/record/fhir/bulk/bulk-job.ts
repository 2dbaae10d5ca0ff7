import type { Caller } from '../store/write-request.ts'

/** Numbers as stored: only ever added to. */
export const KIND = { export: 1, import: 2 } as const
export const STATE = { active: 1, finished: 2, failed: 3, ended: 4 } as const
export const PAGE = { output: 1, deleted: 2, error: 3, input: 4 } as const

export type JobKind = (typeof KIND)[keyof typeof KIND]
export type JobState = (typeof STATE)[keyof typeof STATE]
export type PageKind = (typeof PAGE)[keyof typeof PAGE]

/** A job of a tenant, and who asked for it. */
export interface Job {
  number: number
  tenant: number
  kind: JobKind
  state: JobState
  client: string
  /** Ms since 1970, as the other times. */
  created: number
  expires: number
  finished: number
  lease: number
  failures: number
  /** Resources exported or stored. */
  resources: number
  /** Lines that an import refused. */
  refused: number
  pages: number
  /** Fault code of a failed job. */
  code: string
  cursor: string
  request: Buffer
}

/** One page of a file, committed. */
export interface Page {
  seq: number
  lease: number
  kind: PageKind
  file: number
  /** Number of the resource type. */
  type: number
  resources: number
  bytes: number
  patients: number[]
}

/** What a job is done on behalf of, kept sealed with it. Times have passed since: scopes are those of the token that asked. */
export interface AskedBy {
  actor: string
  purpose: string
  requestId: string
  scopes: string
  /** Address that was asked, without the query when it was a POST. */
  url: string
}

export function askedBy(caller: Caller, url: string): AskedBy {
  const { actor, purpose, requestId, scopes } = caller
  return { actor, purpose, requestId, scopes: scopes.text, url }
}

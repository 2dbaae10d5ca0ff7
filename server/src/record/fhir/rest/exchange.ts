import type { Caller, Resource } from '../store/write-request.ts'

/** One FHIR interaction, alone over HTTP or as an entry of a Bundle. */
export interface FhirRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Segments after the FHIR base: `['Patient', '123', '_history', '2']`. */
  path: readonly string[]
  query: string
  ifMatch?: string
  ifNoneMatch?: string
  ifNoneExist?: string
  ifModifiedSince?: string
  prefer: Prefer
  contentType?: string
  acceptLanguage?: string
  resource?: Resource
  exact?: Resource
  /** Body of a JSON Patch, which is no resource. */
  patch?: { body: unknown; exact?: unknown }
  fullUrl?: string
  /** Whole address as the client knows it; absent for an entry of a Bundle, which is answered at once and in one piece. */
  address?: string
  /** Body in newline delimited JSON, not parsed. */
  ndjson?: Buffer
}

export interface Prefer {
  return?: 'minimal' | 'representation' | 'OperationOutcome'
  handling?: 'strict' | 'lenient'
  /** `respond-async`: the answer may come later. */
  async?: true
}

/** What an interaction answers; `body` is serialised JSON, so that a read does not parse and write again. */
export interface FhirResponse {
  status: number
  body?: Buffer
  version?: number
  lastModified?: number
  location?: string
  /** Methods the address takes. */
  allow?: string
  /** Further headers; `content-type` of a body that is no FHIR resource. */
  headers?: Readonly<Record<string, string>>
  /** A body that is sent piece by piece, as fast as the client takes it; each piece is audited before it is yielded. */
  stream?: AsyncIterable<Buffer>
}

export type Handler = (caller: Caller, request: FhirRequest) => Promise<FhirResponse>

/** `Prefer` header (http://hl7.org/fhir/R4/http.html#ops); unknown preferences are ignored, as RFC 7240 asks. */
export function parsePrefer(header: string | undefined): Prefer {
  const prefer: Prefer = {}
  for (const part of header?.split(/[;,]/) ?? []) {
    const [name, value] = part.trim().split('=')
    if (name === 'return' && (value === 'minimal' || value === 'representation' || value === 'OperationOutcome'))
      prefer.return = value
    if (name === 'handling' && (value === 'strict' || value === 'lenient')) prefer.handling = value
    if (name === 'respond-async') prefer.async = true
  }
  return prefer
}

/** Version number in `W/"3"`; undefined when it is no version of ours. */
export function parseEtag(header: string): number | undefined {
  const text = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(header)?.[1]
  return text === undefined ? undefined : Number(text)
}

export function jsonResponse(status: number, value: object): FhirResponse {
  return { status, body: Buffer.from(JSON.stringify(value)) }
}

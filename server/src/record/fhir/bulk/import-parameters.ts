import { isResourceType } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { Resource } from '../store/write-request.ts'
import { badParameter } from './bulk-faults.ts'
import type { AskedBy } from './bulk-job.ts'
import { BULK_LIMITS } from './bulk-limits.ts'

/** One file to be read: what it holds and where it lies; an upload has neither. */
export interface ImportInput {
  type?: string
  url?: string
}

/** An import as it is kept, sealed, with its job. */
export interface ImportRequest extends AskedBy {
  inputs: ImportInput[]
  /** Types that the manifest names; undefined for an upload, of which each line is looked at by itself. */
  types?: string[]
}

const FORMATS = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson'])
const ADDRESS_CHARS_MAX = 2_048

/**
 * The files of an import manifest: as JSON (`inputFormat`, `input[{type, url}]`), or the same as a Parameters resource.
 * `inputSource` and `storageDetail` are taken and not used. Faults `fhir.bulk.manifest-malformed`, `fhir.bulk.parameter-invalid`.
 * https://github.com/smart-on-fhir/bulk-import/blob/master/import-manifest.md
 */
export function readManifest(body: Resource | undefined): Required<Pick<ImportRequest, 'inputs' | 'types'>> {
  if (!body) return raise(MALFORMED)
  const manifest = (body.resourceType as string | undefined) === 'Parameters' ? fromParameters(body) : body
  const { inputFormat = 'application/fhir+ndjson', input } = manifest
  if (typeof inputFormat !== 'string' || !FORMATS.has(inputFormat))
    raise(badParameter('inputFormat', 'application/fhir+ndjson'))
  if (!Array.isArray(input) || input.length === 0 || input.length > BULK_LIMITS.inputsMax) return raise(MALFORMED)
  const inputs = input.map((one: unknown): Required<ImportInput> => {
    const { type, url } = (one ?? {}) as Record<string, unknown>
    if (typeof type !== 'string' || !isResourceType(type))
      raise(badParameter('input.type', 'the name of a resource type'))
    if (typeof url !== 'string' || url.length > ADDRESS_CHARS_MAX || !/^https?:\/\//.test(url) || !URL.canParse(url))
      return raise(
        badParameter('input.url', 'the whole https:// address of a file (http:// for hosts in SALUS_IMPORT_ALLOW)'),
      )
    return { type, url }
  })
  return { inputs, types: [...new Set(inputs.map(({ type }) => type))] }
}

function fromParameters({ parameter }: Resource): Record<string, unknown> {
  if (!Array.isArray(parameter)) return raise(MALFORMED)
  const named = (list: readonly unknown[]): { name: string; value: unknown; part: unknown }[] =>
    list.map((one) => {
      const { name, part, ...values } = (one ?? {}) as Record<string, unknown>
      return { name: String(name), part, value: Object.values(values)[0] }
    })
  const all = named(parameter)
  const input = all.flatMap(({ name, part }) => {
    if (name !== 'input' || !Array.isArray(part)) return []
    const parts = new Map(named(part).map((one) => [one.name, one.value]))
    return [{ type: parts.get('type'), url: parts.get('url') }]
  })
  const format = all.find(({ name }) => name === 'inputFormat')?.value
  return { ...(format === undefined ? {} : { inputFormat: format }), input }
}

const MALFORMED: Fault = {
  category: 'invalid',
  code: 'fhir.bulk.manifest-malformed',
  message: `$import takes newline delimited JSON (Content-Type application/fhir+ndjson), or a manifest with 1 to ${BULK_LIMITS.inputsMax} inputs: {"inputFormat": "application/fhir+ndjson", "input": [{"type": "Patient", "url": "https://..."}]}.`,
}

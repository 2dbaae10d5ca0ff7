import { isResourceType } from '@salus/fhir-model'

const LOCAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/** A reference value as the model extracts it, or only its literal. */
export interface ReferenceValue {
  type?: string
  id?: string
  url?: string
}

/**
 * Type and id when the reference points into this server: relative, or absolute below `base`. A version in it is left
 * out, because references are searched by resource. Undefined for contained, absolute, `urn:` and conditional references.
 */
export function localReference(
  { url, type, id }: ReferenceValue,
  base?: string,
): { type: string; id: string } | undefined {
  if (url === undefined) return type !== undefined && id !== undefined ? { type, id } : undefined
  const relative = base !== undefined && url.startsWith(`${base}/`) ? url.slice(base.length + 1) : url
  const found = LOCAL.exec(relative)
  if (!found || !isResourceType(found[1] as string)) return undefined
  return { type: found[1] as string, id: found[2] as string }
}

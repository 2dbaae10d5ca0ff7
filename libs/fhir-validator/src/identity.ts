import type { Json } from './definition-source.ts'
import { isJson } from './definition-source.ts'
import type { Walk } from './walk.ts'

/** What holds of every resource beyond its definition. */
export function checkIdentity(walk: Walk, resource: Json): void {
  const { place } = walk
  if (place?.contained === true) checkContainedMeta(walk, resource)
}

/** dom-4, dom-5. Spec: https://hl7.org/fhir/R4/domainresource.html */
function checkContainedMeta(walk: Walk, { meta, id, contained }: Json): void {
  if (typeof id !== 'string') walk.error('required', 'A contained resource must have an id.')
  if (contained !== undefined) walk.error('invariant', 'dom-2: A contained resource must not contain resources.')
  if (!isJson(meta)) return
  if (meta.versionId !== undefined || meta.lastUpdated !== undefined)
    walk.error('invariant', 'dom-4: A contained resource must not have a version or a time of its last change.')
  if (meta.security !== undefined)
    walk.error('invariant', 'dom-5: A contained resource must not have a security label.')
}

import type { Json } from '../json.ts'
import { isResourceType } from '../structure/resource-types.ts'

const RELATIVE = /^([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?(?:#.*)?$/
const ABSOLUTE = /^https?:\/\/[^?#]*\/([A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/
const CONDITIONAL = /^([A-Za-z]+)\?/

/** Type and id of a relative literal reference, with or without version; null for any other. */
export function relativeReference(literal: string): { type: string; id: string } | null {
  const match = RELATIVE.exec(literal)
  const type = match?.[1] as string
  return match !== null && isResourceType(type) ? { type, id: match[2] as string } : null
}

/**
 * The type a Reference points at, as far as the reference itself and the resource that holds it tell: by its literal, a
 * contained resource, or its `type` element; undefined when they do not.
 */
export function referencedType(reference: Json, holder: Json): string | undefined {
  const literal = reference.reference
  if (typeof literal === 'string') {
    if (literal.startsWith('#')) return contained(holder, literal.slice(1))
    const type = (RELATIVE.exec(literal) ?? ABSOLUTE.exec(literal) ?? CONDITIONAL.exec(literal))?.[1]
    if (type !== undefined && isResourceType(type)) return type
  }
  const { type } = reference
  return typeof type === 'string' && isResourceType(type) ? type : undefined
}

function contained(holder: Json, id: string): string | undefined {
  const list = holder.contained
  if (!Array.isArray(list)) return undefined
  const resource = (list as (Json | null)[]).find((one) => one?.id === id)
  return typeof resource?.resourceType === 'string' ? resource.resourceType : undefined
}

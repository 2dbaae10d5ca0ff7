import type { Json } from '../json.ts'
import type { Visit } from './link.ts'
import { referencedType, relativeReference } from './references.ts'
import type { ReferenceValue } from './search-value.ts'

// Spec: https://hl7.org/fhir/R4/search.html#reference

export const referenceValue: Visit = (reference, found, resource) => {
  const literal = reference.reference
  const identifier = identifierOf(reference.identifier as Json | undefined)
  // What is contained cannot be found on its own.
  const url = typeof literal === 'string' && !literal.startsWith('#') ? literal : undefined
  if (url === undefined && identifier === undefined) return
  const value: ReferenceValue = url === undefined ? { kind: 'reference' } : literalValue(url)
  if (value.type === undefined) {
    const type = referencedType(reference, resource)
    if (type !== undefined) value.type = type
  }
  if (identifier !== undefined) value.identifier = identifier
  found.push(value)
}

/** A canonical keeps its version (`|4.0.1`). */
export const canonicalValue: Visit = (value, found) => {
  const url: unknown = value
  if (typeof url === 'string' && !url.startsWith('#')) found.push(literalValue(url))
}

/** A resource in the place of a reference, as the first entry of a document Bundle. */
export const inlineResourceValue: Visit = (resource, found) => {
  const { resourceType: type, id } = resource
  if (typeof type === 'string' && typeof id === 'string')
    found.push({ kind: 'reference', type, id, url: `${type}/${id}` })
}

function literalValue(url: string): ReferenceValue {
  const relative = relativeReference(url)
  if (relative === null) return { kind: 'reference', url }
  return { kind: 'reference', type: relative.type, id: relative.id, url }
}

function identifierOf(identifier: Json | undefined): { system?: string; value?: string } | undefined {
  if (identifier === undefined || identifier === null) return undefined
  const { system, value } = identifier
  if (typeof value !== 'string' && typeof system !== 'string') return undefined
  return { ...(typeof system === 'string' ? { system } : {}), ...(typeof value === 'string' ? { value } : {}) }
}

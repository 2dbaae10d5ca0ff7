import { fhirPathModel } from '@salus/fhir-model'
import { CANONICAL_TYPES } from './canonical-types.ts'

/** A type and what it specialises, for contexts of extensions. */
export function ancestorsOf(type: string): string[] {
  const names = ANCESTORS.filter((one) => one !== type && fhirPathModel.isSubtype(type, one)).concat(type)
  // Later versions of FHIR call definitions so, and extensions that serve all versions name it.
  return CANONICAL_TYPES.includes(type) ? [...names, 'CanonicalResource', 'MetadataResource'] : names
}

const ANCESTORS = ['Element', 'BackboneElement', 'Resource', 'DomainResource', 'Quantity', 'string', 'uri', 'integer']

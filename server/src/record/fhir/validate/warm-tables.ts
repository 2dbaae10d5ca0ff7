import { fhirPathModel } from '@salus/fhir-model'
import type { DefinitionSource } from '#definitions'
import { ucumUnit } from '../search/ucum-unit.ts'

const TYPE_URL = /^http:\/\/hl7\.org\/fhir\/StructureDefinition\/([A-Za-z]+)(?:\||$)/

/**
 * Decode what the whole process shares and decodes piece by piece when first asked: the types of R4, and the library of units.
 * Work that may be stopped in the middle must not be the first to ask. Takes 70 ms, once.
 */
export function warmTables(definitions: Pick<DefinitionSource, 'all'>): void {
  ucumUnit('m')
  for (const canonical of definitions.all('StructureDefinition')) {
    const [, type] = TYPE_URL.exec(canonical) ?? []
    if (type !== undefined) fhirPathModel.child(type, 'id')
  }
}

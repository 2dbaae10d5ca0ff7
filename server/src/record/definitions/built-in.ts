import { join } from 'node:path'
import { Catalog } from './catalog.ts'
import type { DefinitionSource } from './definition.ts'
import { openPackFile } from './pack-file.ts'

/** Folder of the packages that come with Salus. */
export const DATA = join(import.meta.dirname, 'data')

/** Names of their files in it. */
export const CORE_FILE = 'hl7.fhir.r4.core'
export const TERMINOLOGY_FILE = 'hl7.terminology.r4'

/** The published packages they stand for. The R4 specification's examples package holds all of its core package. */
export const BUILT_IN_PACKAGES: readonly { name: string; version: string }[] = [
  { name: 'hl7.fhir.r4.core', version: '4.0.1' },
  { name: 'hl7.fhir.r4.examples', version: '4.0.1' },
  { name: 'hl7.terminology.r4', version: '7.0.1' },
  { name: 'hl7.terminology', version: '7.0.1' },
]

/** A catalog of what comes with Salus. Nothing is read before the first question. */
export function builtInCatalog(): Catalog {
  return new Catalog({
    core: () => openPackFile(join(DATA, CORE_FILE)),
    terminology: () => openPackFile(join(DATA, TERMINOLOGY_FILE)),
  })
}

let shared: DefinitionSource | undefined

/**
 * The definitions that come with Salus, R4 and HL7 terminology, without the packages installed in a database. One source per
 * process; it costs nothing until it is asked, then 15 ms once and about 1 ms per definition.
 */
export function builtInDefinitions(): DefinitionSource {
  shared ??= builtInCatalog()
  return shared
}

import { join } from 'node:path'
import { Catalog } from './catalog.ts'
import type { DefinitionSource } from './definition.ts'
import { openPackFile } from './pack-file.ts'

/** Folder of the packages that come with Salus. */
export const DATA = join(import.meta.dirname, 'data')

/** Names of their files in it. */
export const CORE_FILE = 'hl7.fhir.r4.core'
export const TERMINOLOGY_FILE = 'hl7.terminology.r4'

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

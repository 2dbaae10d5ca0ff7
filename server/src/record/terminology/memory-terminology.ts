import type { CodeCheck, CodeVerdict, TerminologyForValidation } from '@salus/fhir-validator'
import type { DefinitionSource } from '#definitions'
import { Library, requestShelf } from './engine/library.ts'
import { specialShelf } from './special/special-shelf.ts'
import { definitionShelf } from './systems/definition-shelf.ts'
import { checkLater } from './validation/check-later.ts'
import { checkNow } from './validation/check-now.ts'

/** What the validator asks, answered from definitions alone. */
export interface MemoryTerminology extends TerminologyForValidation {
  /** Resolve a check that `checkNow` left open. */
  check(check: CodeCheck): Promise<CodeVerdict>
}

/**
 * Terminology without a database, for validation outside of a server: the code systems of these definitions, which must not
 * change, and those known by their grammar. Loaded releases (SNOMED CT, LOINC) are not there.
 */
export function memoryTerminology(definitions: DefinitionSource): MemoryTerminology {
  const library = new Library(requestShelf([]), [definitionShelf(definitions), specialShelf])
  const fixed = { revision: 0, refresh: () => Promise.resolve(), close: () => Promise.resolve() }
  const source = {
    ...fixed,
    find: definitions.find.bind(definitions),
    all: definitions.all.bind(definitions),
    versions: definitions.versions.bind(definitions),
  }
  return { checkNow: checkNow(source, () => false), check: (check) => checkLater(library, check) }
}

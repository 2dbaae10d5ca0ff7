import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CORE_FILE, DATA, TERMINOLOGY_FILE } from './built-in.ts'
import { compactDefinition } from './compact-definition.ts'
import type { Definition } from './definition.ts'
import { PackWriter } from './pack.ts'
import { writePackFile } from './pack-file.ts'

/** A package as its source gives it. */
export interface SourcePackage {
  version: string
  definitions: Definition[]
}

/** Replace the definitions that come with Salus by those of these packages. For `tools/generate-definitions.ts` alone. */
export function writeBuiltInDefinitions(packages: { core: SourcePackage; terminology: SourcePackage }): void {
  mkdirSync(DATA, { recursive: true })
  write(CORE_FILE, packages.core)
  write(TERMINOLOGY_FILE, packages.terminology)
}

function write(name: string, { version, definitions }: SourcePackage): void {
  const writer = new PackWriter()
  for (const definition of inPackOrder(definitions)) writer.add(compactDefinition(definition))
  writePackFile(join(DATA, name), writer.end({ name, version }))
}

/** Neighbours share members: data types, then resources, then profiles and extensions, because validating opens them so. */
function inPackOrder(definitions: readonly Definition[]): Definition[] {
  return definitions
    .map((definition) => ({ definition, place: placeOf(definition) }))
    .toSorted((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ definition }) => definition)
}

function placeOf({ resourceType, url, version, derivation, kind }: Definition): string {
  const group = derivation === 'constraint' ? 3 : kind === 'resource' || kind === 'logical' ? 2 : 1
  return `${resourceType} ${group} ${url} ${version}`
}

import { builtInCatalog } from './built-in.ts'
import type { DefinitionSource } from './definition.ts'
import type { PackReader } from './pack-file.ts'
import type { PackageSource } from './read-package.ts'

/**
 * What comes with Salus and these packages, without a database: for commands that check files. The packages are held in memory
 * compressed; of one version in several the last counts. Faults `definitions.package.*` of reading them.
 */
export async function definitionsOfPackages(sources: readonly PackageSource[]): Promise<DefinitionSource> {
  const catalog = builtInCatalog()
  if (sources.length === 0) return catalog
  // Here and not above: a server never reads a package.
  const { readPackage } = await import('./read-package.ts')
  const packs: PackReader[] = []
  for (const source of sources) {
    const { index, members } = (await readPackage(source)).pack
    packs.push({ index, member: (number) => members[number] as Buffer, close: () => undefined })
  }
  catalog.install(packs)
  return catalog
}

import type { Database } from '#db'
import { type Clock, raise } from '#kernel'
import { BUILT_IN_PACKAGES } from './built-in.ts'
import { type MissingDependency, missingDependencies } from './missing-dependencies.ts'
import { encodeIndex } from './pack.ts'
import { PACKAGE_LIMITS } from './package-limits.ts'
import type { PackageSource, ReadPackage } from './read-package.ts'
import { addPackage, type InstalledPackage, lockPackages, readPackages, removePackage } from './store.ts'

/** What an installation did. */
export interface AddedPackage {
  name: string
  version: string
  definitions: number
  storedBytes: number
  /** Resources in it that are not kept. */
  passedOver: number
  /** Whether it took the place of the same name and version. */
  replaced: boolean
  missing: MissingDependency[]
}

/** The packages of an installation. Running servers see a change within two seconds. */
export interface Packages {
  /** As installed, without those that come with Salus. */
  list(): Promise<InstalledPackage[]>
  /**
   * Read a package and install it, all or nothing. Faults `definitions.package.*`: those of reading it, `exists` unless `replace`,
   * `built-in`, `too-large` when all packages together take too much.
   */
  add(source: PackageSource, options?: { replace?: boolean }): Promise<AddedPackage>
  /** Fault `definitions.package.not-installed`. */
  remove(name: string, version: string): Promise<void>
}

/** The installed packages in a database. */
export function openPackages({ database, clock }: { database: Database; clock: Clock }): Packages {
  return {
    list: () => readPackages(database),
    async add(source, { replace = false } = {}) {
      // Here and not above: a server never reads a package.
      const { readPackage } = await import('./read-package.ts')
      const read = await readPackage(source)
      if (BUILT_IN_PACKAGES.some(({ name, version }) => name === read.name && version === read.version))
        raise({
          category: 'conflict',
          code: 'definitions.package.built-in',
          message: `${read.name} ${read.version} comes with Salus. There is nothing to install.`,
        })
      return install({ database, clock, read, replace })
    },
    async remove(name, version) {
      const removed = await database.transaction(async (tx) => {
        await lockPackages(tx)
        return removePackage(tx, name, version)
      })
      if (!removed)
        raise({
          category: 'not-found',
          code: 'definitions.package.not-installed',
          message: `There is no package ${name} ${version}. "salus package list" shows those there are.`,
        })
    },
  }
}

function install(options: {
  database: Database
  clock: Clock
  read: ReadPackage
  replace: boolean
}): Promise<AddedPackage> {
  const { database, clock, read, replace } = options
  const { name, version, pack, sha256, fileBytes, dependencies, passedOver } = read
  const storedBytes = pack.index.members.reduce((sum, bytes) => sum + bytes, 0)
  return database.transaction(async (tx) => {
    await lockPackages(tx)
    const before = await readPackages(tx)
    const others = before.filter((each) => each.name !== name || each.version !== version)
    const replaced = others.length < before.length
    if (replaced && !replace)
      raise({
        category: 'conflict',
        code: 'definitions.package.exists',
        message: `${name} ${version} is installed. Give --replace to put this one in its place.`,
      })
    if (others.reduce((sum, each) => sum + each.storedBytes, storedBytes) > PACKAGE_LIMITS.installedBytesMax)
      raise({
        category: 'too-large',
        code: 'definitions.package.too-large',
        message: `All packages together may take ${PACKAGE_LIMITS.installedBytesMax} bytes. Remove one first. Nothing was installed.`,
      })
    if (replaced) await removePackage(tx, name, version)
    const index = encodeIndex(pack.index)
    await addPackage(tx, { name, version, installed: clock.now(), sha256, fileBytes, dependencies, index, pack })
    const missing = missingDependencies(dependencies, others)
    return { name, version, definitions: pack.index.rows.length, storedBytes, passedOver, replaced, missing }
  })
}

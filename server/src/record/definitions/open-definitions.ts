import type { Database } from '#db'
import { errorFields, type Log } from '#kernel'
import { builtInCatalog } from './built-in.ts'
import type { Catalog } from './catalog.ts'
import type { DefinitionSource } from './definition.ts'
import { decodeIndex } from './pack.ts'
import type { PackReader } from './pack-file.ts'
import { readIndex, readMembers, readPackages, readRevision } from './store.ts'

/** The definitions of one process: what comes with Salus and the packages installed in the database. */
export interface Definitions extends DefinitionSource {
  /**
   * Raised when packages were added or removed: whoever keeps something made from definitions compares it, and makes it anew.
   */
  readonly revision: number
  /** Look at the database now, rather than within two seconds. Faults of the database. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** The definitions that a process holds. */
export interface HeldDefinitions extends Definitions {
  /** Let go of what is parsed. For who stopped a look-up in the middle: the count of what is held may be wrong then. */
  forget(): void
}

/** How often a change of packages is looked for: one query of 30 us. */
const LOOK_MS = 2_000

/**
 * Open the definitions of one process. Costs one query; what comes with Salus is read from its files when it is first asked for,
 * installed packages are held in memory as they are stored (US Core 0.3 MB). Faults of the database.
 */
export async function openDefinitions({ database, log }: { database: Database; log: Log }): Promise<HeldDefinitions> {
  const catalog = builtInCatalog()
  const follower = new Follower(database, catalog)
  await follower.refresh()
  const timer = setInterval(() => {
    // A database that cannot be reached is already reported; what was loaded stays good.
    follower.refresh().catch((error: unknown) => log.warn('installed packages not looked at', errorFields(error)))
  }, LOOK_MS).unref()
  return {
    find: (type, canonical) => catalog.find(type, canonical),
    versions: (type, url) => catalog.versions(type, url),
    all: (type) => catalog.all(type),
    forget: () => catalog.forget(),
    get revision() {
      return follower.revision
    },
    refresh: () => follower.refresh(),
    async close() {
      clearInterval(timer)
      await follower.settled()
      catalog.close()
    },
  }
}

/** Follows the packages in the database. */
class Follower {
  revision = 0
  readonly #database: Database
  readonly #catalog: Catalog
  #packs = new Map<number, PackReader>()
  #running: Promise<void> | undefined

  constructor(database: Database, catalog: Catalog) {
    this.#database = database
    this.#catalog = catalog
  }

  /** One look at a time. A look under way may have missed what was committed just now, so the next one starts behind it. */
  async refresh(): Promise<void> {
    await this.settled()
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async settled(): Promise<void> {
    await this.#running?.catch(() => undefined)
  }

  async #look(): Promise<void> {
    const revision = await readRevision(this.#database)
    if (revision === this.revision) return
    const packs = new Map<number, PackReader>()
    for (const { id } of await readPackages(this.#database)) {
      const pack = this.#packs.get(id) ?? (await loadPack(this.#database, id))
      // One that was removed between the two queries: its removal raised the revision, which the next look sees.
      if (pack !== undefined) packs.set(id, pack)
    }
    this.#packs = packs
    this.#catalog.install([...packs.values()])
    this.revision = revision
  }
}

async function loadPack(database: Database, id: number): Promise<PackReader | undefined> {
  const encoded = await readIndex(database, id)
  if (encoded === undefined) return undefined
  const index = decodeIndex(encoded)
  const members = await readMembers(database, id, index.members.length)
  if (members.length !== index.members.length) return undefined
  return {
    index,
    member: (number) => members[number] as Buffer,
    close: () => undefined,
  }
}

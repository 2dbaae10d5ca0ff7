import type { Connection, Database } from '#db'
import { type Clock, raise } from '#kernel'
import { readSystems } from '../large/store.ts'
import type { StoredSystem, StoreProgress } from '../large/store-release.ts'
import type { ReadProgress } from './release.ts'
import type { ReleaseKind } from './release-kinds.ts'
import type { SnomedOptions } from './snomed.ts'
import { removeLoaded, removeUnfinished, takeLoadLock } from './store.ts'

/** Which release is loaded, and how. */
export interface CodeSystemSource extends SnomedOptions {
  kind: ReleaseKind
  /** The release as it was downloaded: a zip archive, its folder, or the one file it consists of. */
  path: string
}

/** How far a load has come. */
export interface LoadProgress extends StoreProgress {
  /** File that is read, or was last. */
  read: ReadProgress | undefined
}

/** A loaded code system as it is listed. */
export interface LoadedSystem {
  url: string
  version: string
  title: string
  concepts: number
  /** Milliseconds since 1970. */
  loaded: number
}

/** The code systems loaded for the whole installation. */
export interface LoadedSystems {
  list(): Promise<LoadedSystem[]>
  /**
   * Load a release: servers go on answering from what they have, and use it when all of it is there. Faults `terminology.load.*`:
   * those of reading it, `exists` unless `replace`, `busy` while another load runs.
   */
  load(
    source: CodeSystemSource,
    options: { replace: boolean; onProgress(progress: LoadProgress): void },
  ): Promise<StoredSystem>
  /** Fault `terminology.load.not-loaded`. */
  remove(url: string, version: string): Promise<void>
}

/** The loaded code systems in a database. */
export function openLoadedSystems(on: { database: Database; clock: Clock }): LoadedSystems {
  const { database } = on
  return {
    async list() {
      const all = await readSystems(database)
      return all.map(({ url, version, title, concepts, loaded }) => ({ url, version, title, concepts, loaded }))
    },
    load: (source, options) =>
      alone(database, async () => {
        // Here and not above: a server never reads a release.
        const { loadCodeSystem } = await import('./load-code-system.ts')
        return loadCodeSystem(on, source, options)
      }),
    async remove(url, version) {
      if (await removeLoaded(database, url, version)) return
      raise({
        category: 'not-found',
        code: 'terminology.load.not-loaded',
        message: `Version ${version} of ${url} is not loaded. "salus terminology list" shows what is.`,
      })
    },
  }
}

/** One load at a time, which begins without what a killed one left. */
async function alone<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const session: Connection = await database.connect()
  try {
    if (!(await takeLoadLock(session)))
      raise({
        category: 'busy',
        code: 'terminology.load.busy',
        message: 'Another load is running. Wait for its end.',
      })
    await removeUnfinished(database)
    return await work()
  } finally {
    await session.close()
  }
}

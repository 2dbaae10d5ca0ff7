import type { Database } from '#db'
import { type Clock, raise } from '#kernel'
import { type StoredSystem, storeRelease } from '../large/store-release.ts'
import { checkedRelease } from './checked-release.ts'
import type { CodeSystemSource, LoadProgress } from './loaded-systems.ts'
import { openRelease } from './open-release.ts'
import type { ReadProgress } from './release.ts'
import { openReleaseFiles } from './release-files.ts'
import { isLoaded } from './store.ts'

/** Read a release and store it. Faults as `LoadedSystems.load`, but for `busy`. */
export async function loadCodeSystem(
  on: { database: Database; clock: Clock },
  source: CodeSystemSource,
  { replace, onProgress }: { replace: boolean; onProgress(progress: LoadProgress): void },
): Promise<StoredSystem> {
  let read: ReadProgress | undefined
  const files = await openReleaseFiles(source.path, (progress) => {
    read = progress
  })
  try {
    const release = checkedRelease(await openRelease(source.kind, files, source))
    const { url, version } = release.head
    if (!replace && (await isLoaded(on.database, url, version)))
      raise({
        category: 'conflict',
        code: 'terminology.load.exists',
        message: `Version ${version} of ${url} is loaded. Give --replace to load it again.`,
      })
    return await storeRelease(on, release, (progress) => onProgress({ ...progress, read }))
  } finally {
    files.close()
  }
}

import { openConnection } from '#db'
import { type ConceptSink, type LoadReport, loadRelease } from './load-release.ts'
import { openRelease, type ReleaseKind } from './open-release.ts'
import type { ReadProgress } from './release.ts'
import { openReleaseFiles } from './release-files.ts'
import type { SnomedOptions } from './snomed.ts'

/** Which release is loaded, and how. */
export interface CodeSystemSource extends SnomedOptions {
  kind: ReleaseKind
  /** The release as it was downloaded: a zip archive, its folder, or the one file it consists of. */
  path: string
}

/** How far a load has come: reading the files, then writing the concepts. */
export type LoadProgress =
  | ({ step: 'read' } & ReadProgress)
  | { step: 'write'; concepts: number; conceptsExpected: number }

/**
 * Load a release into the database, all or nothing: until the end servers see what they saw before. Faults `terminology.load.*`,
 * those of the sink and of the database.
 */
export async function loadCodeSystem(options: {
  /** Owner's URL. */
  databaseUrl: string
  source: CodeSystemSource
  sink: ConceptSink
  onProgress?(progress: LoadProgress): void
}): Promise<LoadReport> {
  const { databaseUrl, source, sink, onProgress = () => undefined } = options
  const files = await openReleaseFiles(source.path, (progress) => onProgress({ step: 'read', ...progress }))
  try {
    const release = await openRelease(source.kind, files, source)
    const connection = await openConnection({ url: databaseUrl, role: 'app', pipeline: false })
    try {
      return await loadRelease({
        connection,
        release,
        sink,
        onConcepts: (concepts, conceptsExpected) => onProgress({ step: 'write', concepts, conceptsExpected }),
      })
    } finally {
      await connection.close()
    }
  } finally {
    files.close()
  }
}

import { type CodeSystemSource, type LoadedSystem, type LoadProgress, openLoadedSystems } from '#terminology'
import { type Admin, DEFAULT_TENANT } from './admin.ts'

export { type LoadProgress, RELEASE_KINDS, type ReleaseKind } from '#terminology'

/** The loaded code systems. Recorded. */
export function listCodeSystems(admin: Admin): Promise<LoadedSystem[]> {
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: 'terminology list' }, () =>
    openLoadedSystems(admin).list(),
  )
}

/** Load a release for the whole installation. Recorded. Faults `terminology.load.*`. */
export function loadCodeSystem(
  admin: Admin,
  source: CodeSystemSource,
  options: { replace: boolean; onProgress(progress: LoadProgress): void },
): Promise<{ url: string; version: string; concepts: number }> {
  const text = `terminology load ${source.kind} ${source.path}${options.replace ? ' --replace' : ''}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, () =>
    openLoadedSystems(admin).load(source, options),
  )
}

/** Take a loaded version away. Recorded. Fault `terminology.load.not-loaded`. */
export function removeCodeSystem(admin: Admin, url: string, version: string): Promise<void> {
  const text = `terminology remove ${url} ${version}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, () =>
    openLoadedSystems(admin).remove(url, version),
  )
}

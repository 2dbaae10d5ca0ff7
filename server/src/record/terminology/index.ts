export type { ResourceKind, Shelf, SystemOnShelf } from './engine/library.ts'
export type { Json } from './engine/resources.ts'
export { type StoredSystem, type StoreProgress, storeRelease } from './large/store-release.ts'
export {
  type CodeSystemSource,
  type LoadedSystem,
  type LoadedSystems,
  type LoadProgress,
  openLoadedSystems,
} from './load/loaded-systems.ts'
export type { Release, ReleaseItem } from './load/release.ts'
export { RELEASE_KINDS, type ReleaseKind } from './load/release-kinds.ts'
export { type MemoryTerminology, memoryTerminology } from './memory-terminology.ts'
export { openTerminology, type Terminology, TerminologyError } from './open-terminology.ts'
export type { OperationName, TerminologyCall } from './service.ts'

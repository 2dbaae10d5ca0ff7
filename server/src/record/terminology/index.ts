export type { ResourceKind, Shelf, SystemOnShelf } from './engine/library.ts'
export type { Json } from './engine/resources.ts'
export { openTerminology, type Terminology, TerminologyError } from './open-terminology.ts'
export type { OperationName, TerminologyCall } from './service.ts'

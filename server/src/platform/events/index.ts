export { type OutboxAction, type OutboxEntry, outboxPart } from './outbox.ts'
export { type Cursor, consumeOutbox, loadCursor, type NumberedEntry, readOutbox, saveCursor } from './reader.ts'
export { nextOutboxEntry } from './store.ts'
export { type WrittenTypes, writtenTypes } from './written-types.ts'

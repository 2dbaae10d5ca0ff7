/**
 * Run a call into a library that prints what it is given when it fails: what it would print may be a patient's. Synchronous
 * calls only, so that nothing of ours is silenced with it.
 */
export function quietly<T>(work: () => T): T {
  const { log, warn, error } = console
  const nothing = (): void => undefined
  Object.assign(console, { log: nothing, warn: nothing, error: nothing })
  try {
    return work()
  } finally {
    Object.assign(console, { log, warn, error })
  }
}

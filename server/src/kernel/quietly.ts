type Voices = Pick<Console, 'log' | 'warn' | 'error'>

/** What the console was before the outermost silence; undefined outside of one. */
let voices: Voices | undefined

/**
 * Run a call into a library that prints what it is given when it fails: what it would print may be a patient's. Synchronous
 * calls only, so that nothing of ours is silenced with it. Whoever stops such a call from outside, so that no `finally` runs, calls
 * `endQuiet`.
 */
export function quietly<T>(work: () => T): T {
  if (voices) return work()
  const { log, warn, error } = console
  voices = { log, warn, error }
  const nothing = (): void => undefined
  Object.assign(console, { log: nothing, warn: nothing, error: nothing })
  try {
    return work()
  } finally {
    endQuiet()
  }
}

/** End a silence that was left without its end. Nothing happens outside of one. */
export function endQuiet(): void {
  if (voices) Object.assign(console, voices)
  voices = undefined
}

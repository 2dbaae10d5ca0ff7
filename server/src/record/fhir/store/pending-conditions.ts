import { RACE_LOST } from '#audit'
import { raise } from '#kernel'

/** Lets one write at a time in this process make the resource of a condition that nothing matches yet. */
export interface PendingConditions {
  /** Run `work`; fault `RACE_LOST` when one of `conditions` was being decided by another write, which has ended then. */
  run<T>(conditions: readonly string[], work: () => Promise<T>): Promise<T>
}

/**
 * Writes of one process share commits, and what shares a commit does not see each other behind the locks. Between
 * processes the ledger's locks do this. All conditions of a write are taken at once, so that no two can wait in a circle.
 */
export function pendingConditions(): PendingConditions {
  const pending = new Map<string, Promise<void>>()
  return {
    async run(conditions, work) {
      const others = conditions.flatMap((condition) => pending.get(condition) ?? [])
      if (others.length > 0) {
        await Promise.all(others)
        raise(RACE_LOST)
      }
      const done = work()
      const ended = done.then(
        () => undefined,
        () => undefined,
      )
      for (const condition of conditions) pending.set(condition, ended)
      try {
        return await done
      } finally {
        for (const condition of conditions) pending.delete(condition)
      }
    },
  }
}

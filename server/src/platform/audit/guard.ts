import type { Connection, Database } from '#db'
import { type Fault, FaultError } from '#kernel'
import type { Unit } from './ledger.ts'
import { cancelStatement, limitStatements, takeLocks } from './store.ts'

/**
 * Time for the locks of a group, and again for its second looks: nothing else of this process becomes durable meanwhile.
 * A look by identifier takes a tenth of a millisecond, so that the 5,000 of the largest transaction are done in a second.
 */
const CHECK_MS = 5_000

/** Another process holds what this unit must lock. */
const LOCKS_BUSY: Fault = {
  category: 'busy',
  code: 'audit.ledger.locks-busy',
  message: 'Another request decides on the same condition and is not done yet. Nothing was written; retry shortly.',
}

const CHECK_TOO_COSTLY: Fault = {
  category: 'too-costly',
  code: 'audit.ledger.check-too-costly',
  message:
    'The conditions took too long to be looked at again before the commit. Nothing was written; name identifiers, or split the request.',
}

/**
 * Inside a transaction that has just begun: take the locks of `units`, then ask each whether its ground still holds. Its
 * statements are ended after `checkMs`, each and all together; the commit that follows has the session's own limit again.
 * Faults: `audit.ledger.locks-busy`, `audit.ledger.check-too-costly`, those of the units' `verify`.
 */
export async function checkBehindLocks(
  database: Database,
  connection: Connection,
  units: readonly Unit[],
  checkMs: number = CHECK_MS,
): Promise<boolean[]> {
  const locks = [...new Set(units.flatMap((unit) => unit.locks ?? []))].sort((a, b) => (a < b ? -1 : 1))
  await Promise.all([limitStatements(connection, checkMs), takeLocks(connection, locks)]).catch((error: unknown) => {
    throw isStopped(error) ? new FaultError(LOCKS_BUSY, { cause: error }) : error
  })
  const late = new AbortController()
  let cancelled: Promise<void> | undefined
  const timer = setTimeout(() => {
    late.abort()
    // What is running ends in an error, and what was sent behind it fails at once in the aborted transaction.
    cancelled = cancelStatement(database, connection).catch(() => undefined)
  }, checkMs)
  try {
    const holds = await Promise.all(
      units.map((unit) => unit.verify?.(connection, late.signal) ?? Promise.resolve(true)),
    )
    late.signal.throwIfAborted()
    await limitStatements(connection)
    return holds
  } catch (error) {
    if (late.signal.aborted || isStopped(error)) throw new FaultError(CHECK_TOO_COSTLY, { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
    // It must not hit a later statement.
    await cancelled
  }
}

function isStopped(error: unknown): boolean {
  return error instanceof FaultError && error.fault.code === 'db.too-costly'
}

import type { Database } from '#db'
import { errorFields, type Log } from '#kernel'
import { readPolicies, type ValidationPolicy } from './store.ts'

/** The tenants' policies, as one process knows them. */
export interface Policies {
  /** At once, but for the first writes after the start, which wait for the first look. Fault of the database then. */
  of(tenant: number): ValidationPolicy | Promise<ValidationPolicy>
  close(): Promise<void>
}

/** How often a change is looked for: one query of 30 us. */
const LOOK_MS = 2_000

/** Follow the policies in the database. Nothing is read before the first write or the first two seconds. */
export function followPolicies({ database, log }: { database: Database; log: Log }): Policies {
  let known: ReadonlyMap<number, ValidationPolicy> | undefined
  let looking: Promise<ReadonlyMap<number, ValidationPolicy>> | undefined
  const look = (): Promise<ReadonlyMap<number, ValidationPolicy>> => {
    looking ??= readPolicies(database)
      .then((found) => (known = found))
      .finally(() => {
        looking = undefined
      })
    return looking
  }
  const timer = setInterval(() => {
    // A database that cannot be reached is already reported; what was known stays good.
    look().catch((error: unknown) => log.warn('validation policies not looked at', errorFields(error)))
  }, LOOK_MS).unref()
  return {
    of: (tenant) => (known ? (known.get(tenant) ?? 'accept') : look().then((found) => found.get(tenant) ?? 'accept')),
    async close() {
      clearInterval(timer)
      await looking?.catch(() => undefined)
    },
  }
}

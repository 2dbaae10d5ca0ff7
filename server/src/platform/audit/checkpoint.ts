import type { Connection } from '#db'
import { errorFields, FaultError, metrics } from '#kernel'
import { parseCheckpoint } from './checkpoint-body.ts'
import { type CheckpointOptions, type Notary, openNotary, uncoveredLeaves } from './notary.ts'
import { logHeads, newestCheckpoint, type StoredCheckpoint, tryLead } from './store.ts'

/** Signs what the logs hold, in one process of all that share the database. */
export interface Checkpointer {
  /**
   * Sign and anchor now, unless every leaf is covered already or another process leads: undefined then.
   * Faults: `audit.log.inconsistent`, `audit.checkpoint.*`, `audit.anchor.*`, `db.*`; nothing is signed then.
   */
  checkpoint(): Promise<StoredCheckpoint | undefined>
  /** Sign what is left, then stop. */
  close(): Promise<void>
}

/** How often the heads are looked at: one probe per log. */
const LOOK_MS = 1_000
/** After a fault: what refuses to be signed stays so until someone acts, and the log should still be readable then. */
const RETRY_MS = 10_000

/**
 * Start signing checkpoints: each 10 s or 1,000 leaves, whichever comes first. A session lock makes one process the
 * leader; the others take over when it goes. Sets the metric of the newest checkpoint's age.
 * Faults: `audit.key.*`; what goes wrong later is logged, tried again, and seen in the metric.
 */
export async function startCheckpoints(options: CheckpointOptions): Promise<Checkpointer> {
  const checkpointer = new Leader(options)
  checkpointer.start()
  return checkpointer
}

class Leader implements Checkpointer {
  readonly #options: CheckpointOptions
  #connection: Connection | undefined
  #notary: Notary | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<StoredCheckpoint | undefined> = Promise.resolve(undefined)
  #closed = false

  constructor(options: CheckpointOptions) {
    this.#options = options
  }

  start(): void {
    const again = (waitMs: number): void => {
      if (!this.#closed) this.#timer = setTimeout(look, waitMs).unref()
    }
    const look = (): void => {
      this.#inTurn((notary) => notary.look()).then(
        () => again(LOOK_MS),
        (error: unknown) => {
          this.#complain(error)
          again(RETRY_MS)
        },
      )
    }
    again(LOOK_MS)
  }

  checkpoint(): Promise<StoredCheckpoint | undefined> {
    return this.#inTurn((notary) => notary.sign())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.checkpoint().catch((error: unknown) => this.#complain(error))
    await this.#connection?.close()
  }

  /** One at a time, and only while this process leads. A fault makes the next turn start from what is stored. */
  #inTurn(work: (notary: Notary) => Promise<StoredCheckpoint | undefined>): Promise<StoredCheckpoint | undefined> {
    const turn = this.#running
      .catch(() => undefined)
      .then(async () => {
        const notary = await this.#lead()
        if (!notary) return undefined
        try {
          return await work(notary)
        } catch (error) {
          this.#notary = undefined
          throw error
        }
      })
    this.#running = turn
    return turn
  }

  async #lead(): Promise<Notary | undefined> {
    if (this.#connection?.closed !== false) {
      this.#notary = undefined
      this.#connection = await this.#options.database.connect()
    }
    if (!this.#notary) {
      if (!(await tryLead(this.#connection))) {
        await observeLag(this.#options)
        return undefined
      }
      try {
        this.#notary = await openNotary(this.#options)
      } catch (error) {
        // Another machine may hold the right key: leave the lead to it.
        await this.#connection.close()
        throw error
      }
    }
    return this.#notary
  }

  #complain(error: unknown): void {
    if (error instanceof FaultError)
      this.#options.log.error('audit checkpoint refused', { code: error.fault.code, category: error.fault.category })
    else this.#options.log.error('audit checkpoint failed', errorFields(error))
  }
}

/** Every process shows the lag, also while another one signs: the age of the newest checkpoint while it leaves something out. */
async function observeLag({ database, clock }: CheckpointOptions): Promise<void> {
  const newest = await newestCheckpoint(database)
  const body = newest && parseCheckpoint(newest.body)
  const lags = body !== undefined && uncoveredLeaves(await logHeads(database), body) > 0
  metrics.auditLagSeconds.set(lags ? Math.max(0, clock.now() - body.at) / 1000 : 0)
}

import { FaultError } from '#kernel'

/** Shares out turns among clients: of each at most `each` pieces of work run at once, `waitingMax` more wait in order. */
export class FairShare {
  readonly #each: number
  readonly #waitingMax: number
  readonly #lanes = new Map<string, { running: number; waiting: (() => void)[] }>()

  constructor({ each, waitingMax }: { each: number; waitingMax: number }) {
    this.#each = each
    this.#waitingMax = waitingMax
  }

  /** Run `work` in the client's turn. Fault `db.client-busy` when too much of that client waits already. */
  async run<T>(client: string, work: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(client) ?? { running: 0, waiting: [] }
    this.#lanes.set(client, lane)
    if (lane.running < this.#each) lane.running++
    else {
      if (lane.waiting.length >= this.#waitingMax) throw clientBusy()
      // Whoever ends hands its turn over, so that the count stays.
      await new Promise<void>((turn) => lane.waiting.push(turn))
    }
    try {
      return await work()
    } finally {
      const next = lane.waiting.shift()
      if (next) next()
      else if (--lane.running === 0) this.#lanes.delete(client)
    }
  }
}

function clientBusy(): FaultError {
  return new FaultError({
    category: 'busy',
    code: 'db.client-busy',
    message:
      'Too many searches of this client wait for others of its own. Nothing was done; wait for answers before you send more.',
  })
}

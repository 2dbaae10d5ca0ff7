/** A look-up or write that joins the others of its event-loop turn. */
export interface TurnBatch<Request, Answer> {
  add(request: Request): Promise<Answer>
}

interface Waiting<Request, Answer> {
  request: Request
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * Requests of one turn of the event loop travel as one call of `run`, which answers them in order. While `inFlightMax`
 * calls are under way the next requests gather, so that under load the batches grow instead of the number of statements.
 */
export function turnBatch<Request, Answer>(options: {
  run(requests: Request[]): Promise<(Answer | Error)[]>
  inFlightMax: number
  /** Requests in one call at most; the rest go with the next. */
  requestsMax: number
}): TurnBatch<Request, Answer> {
  const waiting: Waiting<Request, Answer>[] = []
  let inFlight = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || inFlight >= options.inFlightMax || waiting.length === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      const batch = waiting.splice(0, options.requestsMax)
      inFlight++
      options
        .run(batch.map((entry) => entry.request))
        .then(
          (answers) => {
            for (const [index, entry] of batch.entries()) {
              const answer = answers[index]
              if (answer instanceof Error) entry.reject(answer)
              else entry.resolve(answer as Answer)
            }
          },
          (error: unknown) => {
            for (const entry of batch) entry.reject(error)
          },
        )
        .finally(() => {
          inFlight--
          schedule()
        })
      schedule()
    })
  }

  return {
    add(request) {
      return new Promise<Answer>((resolve, reject) => {
        waiting.push({ request, resolve, reject })
        schedule()
      })
    },
  }
}

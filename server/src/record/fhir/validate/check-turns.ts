import { type Clock, raise } from '#kernel'
import { BUSY } from './validate-faults.ts'
import { VALIDATE_LIMITS } from './validate-limits.ts'

interface Waiting {
  since: number
  begin(): void
  refuse(): void
}

/** What one tenant waits for and has had. */
interface Line {
  waiting: Waiting[]
  /** Milliseconds of work that count against it, as of `usedAt`; they wear off as time passes. */
  used: number
  usedAt: number
  /** Milliseconds of work it has not rested for yet, while it has used too much. */
  owed: number
  restUntil: number
}

/**
 * Says when whose check may hold the event loop, for all tenants of a process. Work up to 20 ms goes on at once; after that
 * everybody else has a turn first. Tenants take turns, and one that has used more than its share waits behind the others and rests
 * in between, so that it can hold a third of the time at most, however many checks it sends.
 */
export class CheckTurns {
  readonly #clock: Clock
  /** The one that waits longest for its turn first. */
  readonly #lines = new Map<number, Line>()
  #waiting = 0
  /** Milliseconds worked since others had a turn. */
  #held = 0
  #isTurn = false
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Do `work`, which is bounded, when it is the tenant's turn. Fault `fhir.validate.busy` where too many wait, or for too long. */
  async run<T>(tenant: number, work: () => T): Promise<T> {
    const line = this.#lineOf(tenant)
    const since = this.#clock.monotonic()
    if (this.#waiting === 0 && !this.#isTurn && since >= line.restUntil) return this.#do(tenant, line, work)
    if (line.waiting.length >= VALIDATE_LIMITS.waitingMax) raise(BUSY)
    this.#waiting++
    const turn = Promise.withResolvers<T>()
    line.waiting.push({
      since,
      begin: () => {
        try {
          turn.resolve(this.#do(tenant, line, work))
        } catch (error) {
          turn.reject(error)
        }
      },
      refuse: () => {
        try {
          raise(BUSY)
        } catch (error) {
          turn.reject(error)
        }
      },
    })
    this.#goOn()
    return turn.promise
  }

  #do<T>(tenant: number, line: Line, work: () => T): T {
    const began = this.#clock.monotonic()
    try {
      return work()
    } finally {
      this.#count(line, began, this.#clock.monotonic())
      // Behind those of the others from now on.
      this.#lines.delete(tenant)
      this.#lines.set(tenant, line)
      this.#goOn()
    }
  }

  #count(line: Line, began: number, now: number): void {
    const took = now - began
    this.#held += took
    line.used = usedOf(line, now) + took
    line.usedAt = now
    if (line.used <= VALIDATE_LIMITS.usedMs) {
      line.owed = 0
      return
    }
    line.owed += took
    if (line.owed < VALIDATE_LIMITS.turnMs) return
    line.restUntil = now + line.owed * VALIDATE_LIMITS.restFactor
    line.owed = 0
  }

  /** A turn for everybody else when it is due, then what waits. */
  #goOn(): void {
    if (this.#isTurn) return
    if (this.#held >= VALIDATE_LIMITS.turnMs || this.#waiting > 0) {
      this.#isTurn = true
      setImmediate(() => {
        this.#isTurn = false
        this.#held = 0
        this.#serve()
      })
    }
  }

  #serve(): void {
    const now = this.#clock.monotonic()
    while (this.#waiting > 0 && this.#held < VALIDATE_LIMITS.turnMs) {
      const line = this.#next(now)
      const one = line?.waiting.shift()
      if (!one) return this.#wake(now)
      this.#waiting--
      if (now - one.since > VALIDATE_LIMITS.waitMs) one.refuse()
      else one.begin()
    }
  }

  #next(now: number): Line | undefined {
    let behind: Line | undefined
    for (const line of this.#lines.values()) {
      if (line.waiting.length === 0 || line.restUntil > now) continue
      if (usedOf(line, now) <= VALIDATE_LIMITS.usedMs) return line
      behind ??= line
    }
    return behind
  }

  /** All that wait are resting. */
  #wake(now: number): void {
    let earliest = Number.POSITIVE_INFINITY
    for (const { waiting, restUntil } of this.#lines.values())
      if (waiting.length > 0) earliest = Math.min(earliest, restUntil)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#goOn(), Math.max(1, earliest - now))
  }

  #lineOf(tenant: number): Line {
    const known = this.#lines.get(tenant)
    if (known) return known
    const now = this.#clock.monotonic()
    if (this.#lines.size >= VALIDATE_LIMITS.linesMax)
      for (const [each, line] of this.#lines)
        if (line.waiting.length === 0 && usedOf(line, now) === 0) this.#lines.delete(each)
    const line = { waiting: [], used: 0, usedAt: now, owed: 0, restUntil: 0 }
    this.#lines.set(tenant, line)
    return line
  }
}

/** What has not worn off by now: all of the allowance does in ten seconds. */
function usedOf({ used, usedAt }: Line, now: number): number {
  return Math.max(0, used - ((now - usedAt) * VALIDATE_LIMITS.usedMs) / VALIDATE_LIMITS.usedWithinMs)
}

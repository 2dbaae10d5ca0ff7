import { type Clock, eventLoopTurns, systemClock } from '#kernel'
import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { TerminologyError } from './issues.ts'

/** What one request may cause, and its turns: shared by all that is done for it, however many questions it holds. */
export class Work {
  /** To await between two items of a loop: others get the event loop when 20 ms have passed. */
  readonly turn: () => Promise<void> | undefined
  #visits: number = TERMINOLOGY_LIMITS.visitsMax

  constructor(clock: Clock = systemClock) {
    this.turn = eventLoopTurns(clock)
  }

  /** Fault `too-costly` when the request has caused more work than one may. */
  spend(visits: number): void {
    this.#visits -= visits
    if (this.#visits < 0) throw tooCostly('The request needs more work than one may cause. Ask for less at once.')
  }
}

export function tooCostly(text: string): TerminologyError {
  return new TerminologyError({ severity: 'error', code: 'too-costly', type: 'too-costly', text }, 422)
}

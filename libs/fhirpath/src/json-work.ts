import { FhirPathError } from './fhirpath-error.ts'
import type { Run } from './run.ts'

/** How deep the JSON of two elements is compared: protects the stack. No element of FHIR comes near it. */
export const COMPARED_DEPTH_MAX = 500

/** The account of comparing two pieces of JSON: what it costs, and how deep it has gone. */
export class JsonWork {
  readonly #run: Run
  readonly #at: number
  #depth = 0

  constructor(run: Run, at: number) {
    this.#run = run
    this.#at = at
  }

  spend(steps: number): void {
    this.#run.spend(steps, this.#at)
  }

  /** Goes one level deeper for as long as `compare` takes. Throws (`limit`) where that is too deep. */
  within(compare: () => boolean): boolean {
    if (this.#depth >= COMPARED_DEPTH_MAX) {
      throw new FhirPathError('limit', `elements more than ${COMPARED_DEPTH_MAX} deep are not compared`, this.#at)
    }
    this.#depth += 1
    const answer = compare()
    this.#depth -= 1
    return answer
  }
}

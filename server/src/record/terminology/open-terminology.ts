import type { CodeCheck, CodeVerdict, TerminologyForValidation } from '@salus/fhir-validator'
import type { Definitions } from '#definitions'
import type { Clock } from '#kernel'
import { outcomeOfIssues, TerminologyError as Refusal } from './engine/issues.ts'
import { Library, requestShelf, type Shelf } from './engine/library.ts'
import { type OperationName, operationRunner, type TerminologyCall } from './service.ts'
import { specialShelf } from './special/special-shelf.ts'
import { definitionShelf } from './systems/definition-shelf.ts'
import { checkLater } from './validation/check-later.ts'
import { checkNow } from './validation/check-now.ts'

/** The terminology service of one process. */
export interface Terminology extends TerminologyForValidation {
  /** Run an operation. Throws `TerminologyError` where the request cannot be answered. */
  run(name: OperationName, call: TerminologyCall): Promise<object>
  /** Resolve a check that `checkNow` left open, with what the tenant's record holds. */
  check(check: CodeCheck, record: Shelf): Promise<CodeVerdict>
  /** Code systems present for all tenants, with their versions, the preferred one first. */
  codeSystems(): Promise<{ url: string; versions: string[] }[]>
}

/** A request that cannot be answered: status and OperationOutcome of the answer. */
export class TerminologyError extends Error {
  readonly status: number
  readonly outcome: object

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'TerminologyError'
    this.status = refusal.status
    this.outcome = outcomeOfIssues(refusal.issues)
  }
}

/** Put the service together. http://hl7.org/fhir/R4/terminology-service.html */
export function openTerminology({ definitions, clock }: { definitions: Definitions; clock: Clock }): Terminology {
  const shelves = [definitionShelf(definitions), specialShelf]
  const run = operationRunner({ shelves, clock })
  return {
    async run(name, call) {
      try {
        return await run(name, call)
      } catch (error) {
        if (error instanceof Refusal) throw new TerminologyError(error)
        throw error
      }
    },
    checkNow: checkNow(definitions, () => false),
    check: (check, record) => checkLater(new Library(requestShelf([]), [record, ...shelves]), check),
    codeSystems() {
      const urls = new Set([...definitions.all('CodeSystem')].map((canonical) => canonical.split('|', 1)[0] as string))
      return Promise.resolve([...urls].map((url) => ({ url, versions: definitions.versions('CodeSystem', url) })))
    },
  }
}

import type { Definitions } from '#definitions'
import type { Clock } from '#kernel'
import { outcomeOfIssues, TerminologyError as Refusal } from './engine/issues.ts'
import { type OperationName, operationRunner, type TerminologyCall } from './service.ts'
import { definitionShelf } from './systems/definition-shelf.ts'

/** The terminology service of one process. */
export interface Terminology {
  /** Run an operation. Throws `TerminologyError` where the request cannot be answered. */
  run(name: OperationName, call: TerminologyCall): Promise<object>
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
  const run = operationRunner({ shelves: [definitionShelf(definitions)], clock })
  return {
    async run(name, call) {
      try {
        return await run(name, call)
      } catch (error) {
        if (error instanceof Refusal) throw new TerminologyError(error)
        throw error
      }
    },
    codeSystems() {
      const urls = new Set([...definitions.all('CodeSystem')].map((canonical) => canonical.split('|', 1)[0] as string))
      return Promise.resolve([...urls].map((url) => ({ url, versions: definitions.versions('CodeSystem', url) })))
    },
  }
}

import type { CodeCheck, CodeVerdict, TerminologyForValidation } from '@salus/fhir-validator'
import type { Ledger } from '#audit'
import type { Database } from '#db'
import type { Definitions } from '#definitions'
import type { Clock, Log } from '#kernel'
import { type ClosureCall, closure } from './closure/closure.ts'
import { outcomeOfIssues, TerminologyError as Refusal } from './engine/issues.ts'
import { Library, requestShelf, type Shelf } from './engine/library.ts'
import { openLargeSystems } from './large/large-systems.ts'
import { type PresentSystem, presentSystems } from './present-systems.ts'
import { type OperationName, operationRunner, type TerminologyCall } from './service.ts'
import { specialShelf } from './special/special-shelf.ts'
import { definitionShelf } from './systems/definition-shelf.ts'
import { checkLater } from './validation/check-later.ts'
import { checkNow } from './validation/check-now.ts'

/** The terminology service of one process. */
export interface Terminology extends TerminologyForValidation {
  /** Run an operation. Throws `TerminologyError` where the request cannot be answered. */
  run(name: OperationName, call: TerminologyCall): Promise<object>
  /** Maintain a named closure table of a client. Throws as `run`, and faults of the ledger. */
  closure(call: ClosureCall): Promise<object>
  /** Resolve a check that `checkNow` left open, with what the tenant's record holds. */
  check(check: CodeCheck, record: Shelf): Promise<CodeVerdict>
  /**
   * Code systems that answer for all tenants, each URL once, sorted. Costs 0.2 s of work in small parts after a change, and
   * nothing in between.
   */
  codeSystems(): Promise<readonly PresentSystem[]>
  /** Look for loaded code systems now, rather than within two seconds. */
  refresh(): Promise<void>
  close(): void
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

async function told(work: () => Promise<object>): Promise<object> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal) throw new TerminologyError(error)
    throw error
  }
}

/** Put the service together. http://hl7.org/fhir/R4/terminology-service.html */
export async function openTerminology(options: {
  database: Database
  ledger: Pick<Ledger, 'commit'>
  definitions: Definitions
  clock: Clock
  log: Log
}): Promise<Terminology> {
  const { definitions, clock } = options
  const large = await openLargeSystems(options)
  const shelves = [definitionShelf(definitions), specialShelf, large.shelf]
  const run = operationRunner({ shelves, clock })
  return {
    run: (name, call) => told(() => run(name, call)),
    closure: (call) => told(() => closure({ ...options, shelves }, call)),
    checkNow: checkNow(definitions, (system) => large.has(system)),
    check: (check, record) => checkLater(new Library(requestShelf([]), [record, ...shelves]), check),
    refresh: () => large.refresh(),
    close: () => large.close(),
    codeSystems: presentSystems({ definitions, loaded: () => large.list() }),
  }
}

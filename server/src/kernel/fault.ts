/** What kind of failure it is; decides HTTP status, OperationOutcome code, retry and log level in one table each. */
export type FaultCategory =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'gone'
  | 'conflict'
  | 'precondition'
  | 'unsupported'
  | 'too-large'
  | 'too-costly'
  | 'busy'
  | 'unavailable'
  | 'bug'

/**
 * An expected failure, as data. `code` is stable and dotted (`fhir.search.parameter-unknown`).
 * `message` holds no patient data and says what to do next.
 */
export interface Fault {
  category: FaultCategory
  code: string
  message: string
  /** FHIRPath of the element at fault, never its value. */
  expression?: string
  /** Further faults of the same answer, e.g. each validation issue. */
  details?: Fault[]
}

/** A fault on its way to the one place that answers it: the HTTP error handler or the CLI's last line. */
export class FaultError extends Error {
  readonly fault: Fault

  constructor(fault: Fault, options?: { cause?: unknown }) {
    super(fault.message, options)
    this.name = 'FaultError'
    this.fault = fault
  }
}

/** Throw `fault`; the return type lets callers write `return raise({...})` or `?? raise({...})`. */
export function raise(fault: Fault, cause?: unknown): never {
  throw new FaultError(fault, cause === undefined ? undefined : { cause })
}

/** A bug, not a fault: the request or job stops and is answered as `bug`. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

/**
 * What went wrong, as a closed set.
 * - `syntax`: the text is not FHIRPath.
 * - `semantic`: the text is FHIRPath but can never be evaluated (unknown function, wrong number of arguments).
 * - `execution`: the data does not fit the expression (a singleton was needed and several were found).
 * - `limit`: a named limit of this library was reached; nothing is wrong with the data or the grammar.
 */
export type FhirPathErrorCode = 'syntax' | 'semantic' | 'execution' | 'limit'

/**
 * The only error that parsing and evaluating throw.
 * `position` is the zero-based character offset in the expression. The message never quotes the expression (its
 * literals can name a person) and never quotes data: the position is enough to find the place.
 */
export class FhirPathError extends Error {
  readonly code: FhirPathErrorCode
  readonly position: number

  constructor(code: FhirPathErrorCode, message: string, position: number) {
    super(`FHIRPath ${code} error at position ${position}: ${message}`)
    this.name = 'FhirPathError'
    this.code = code
    this.position = position
  }
}

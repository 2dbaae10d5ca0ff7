/**
 * Why a patch does not apply, as a closed set.
 * - `bad-parameters`: the resource is no Parameters of operations, or names too many.
 * - `bad-operation`: an unknown type of operation, a part that is missing, unknown or given twice.
 * - `bad-path`: the path is no FHIRPath, or one that names no place in a resource (a calculation, the root itself).
 * - `bad-value`: the value is missing, given twice, too deep, or not of a type the element can have.
 * - `forbidden-name`: a name that FHIR does not allow for an element, or that means something to JavaScript.
 * - `path-not-found`, `path-not-single`: the path finds nothing, or several elements where one is needed.
 * - `already-exists`: `add` of an element that is there and cannot repeat.
 * - `bad-index`: `index`, `source` or `destination` lies outside of the list.
 * - `limit`: evaluating the path took more than it may.
 */
export type FhirPathPatchErrorCode =
  | 'bad-parameters'
  | 'bad-operation'
  | 'bad-path'
  | 'bad-value'
  | 'forbidden-name'
  | 'path-not-found'
  | 'path-not-single'
  | 'already-exists'
  | 'bad-index'
  | 'limit'

/**
 * A patch that does not apply. `operation` is the zero-based position of the operation, -1 where the fault is in the
 * Parameters as a whole. The message quotes neither the resource nor the patch: a path can hold a name.
 */
export class FhirPathPatchError extends Error {
  readonly code: FhirPathPatchErrorCode
  readonly operation: number

  constructor(code: FhirPathPatchErrorCode, message: string, operation: number) {
    super(operation < 0 ? `FHIRPath Patch: ${message}` : `FHIRPath Patch, operation ${operation}: ${message}`)
    this.name = 'FhirPathPatchError'
    this.code = code
    this.operation = operation
  }
}

import {
  createValidator,
  type Issue,
  issuesOfVerdict,
  type ValidateOptions,
  type Validator,
} from '@salus/fhir-validator'
import type { Definition } from '../../server/src/record/definitions/index.ts'
import { memoryTerminology } from '../../server/src/record/terminology/index.ts'
import { definitionsWith } from '../fixtures/definitions.ts'
import { ucumConverter } from './ucum-converter.ts'

/** A validator over the definitions that come with Salus and these, with the server's terminology but no database. */
export function validatorOver(
  own: readonly Definition[],
): (resource: unknown, options: ValidateOptions) => Promise<Issue[]> {
  const definitions = definitionsWith(own)
  const terminology = memoryTerminology(definitions)
  const validator: Validator = createValidator({ definitions, terminology, units: ucumConverter() })
  return async (resource, options) => {
    const { issues, pending } = validator.validate(resource, options)
    for (const one of pending) issues.push(...issuesOfVerdict(one, await terminology.check(one.check)))
    return issues.filter(({ severity }) => severity === 'error' || severity === 'fatal')
  }
}

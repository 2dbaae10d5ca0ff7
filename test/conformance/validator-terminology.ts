import {
  createValidator,
  type Issue,
  issuesOfVerdict,
  type ValidateOptions,
  type Validator,
} from '@salus/fhir-validator'
import {
  builtInDefinitions,
  type Definition,
  type DefinitionSource,
} from '../../server/src/record/definitions/index.ts'
import { memoryTerminology } from '../../server/src/record/terminology/index.ts'
import { ucumConverter } from './ucum-converter.ts'

/** A validator over the definitions that come with Salus and these, with the server's terminology but no database. */
export function validatorOver(
  own: readonly Definition[],
): (resource: unknown, options: ValidateOptions) => Promise<Issue[]> {
  const definitions = layered(own)
  const terminology = memoryTerminology(definitions)
  const validator: Validator = createValidator({ definitions, terminology, units: ucumConverter() })
  return async (resource, options) => {
    const { issues, pending } = validator.validate(resource, options)
    for (const one of pending) issues.push(...issuesOfVerdict(one, await terminology.check(one.check)))
    return issues.filter(({ severity }) => severity === 'error' || severity === 'fatal')
  }
}

/** These definitions before those that come with Salus. */
function layered(own: readonly Definition[]): DefinitionSource {
  const core = builtInDefinitions()
  return {
    find(type, canonical) {
      const [url, version] = canonical.split('|')
      const fits = (one: Definition): boolean =>
        one.resourceType === type && one.url === url && (version === undefined || one.version === version)
      return own.find(fits) ?? core.find(type, canonical)
    },
    all: (type) => core.all(type),
    versions: (type, url) => core.versions(type, url),
  }
}

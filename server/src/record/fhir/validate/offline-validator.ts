import { createValidator, distinctIssues, type Issue, issuesOfVerdict } from '@salus/fhir-validator'
import { definitionsOfPackages } from '#definitions'
import type { Clock, Fault } from '#kernel'
import { memoryTerminology } from '#terminology'
import { countMembers, parseJsonBody } from '../rest/json-body.ts'
import { DOUBLE_KEY } from './check-resource.ts'
import { jsonErrorPlace } from './json-error.ts'
import { unitConverter } from './unit-converter.ts'

/** One finding: severity, code, place as FHIRPath, and a text without any value of the resource. */
export type OfflineIssue = Issue

/** Checks resources without a server and without a database. */
export interface OfflineValidator {
  /**
   * Check one resource, a Bundle too, given as JSON text, against R4, the profiles it claims and these. `isResource` is false for
   * JSON of something else. `from` says what the text is, for findings about the JSON itself. No time limit; depth and number of findings are limited as on a server.
   */
  validate(
    json: Buffer,
    profiles: readonly string[],
    from?: 'file' | 'line',
  ): Promise<{ isResource: boolean; issues: OfflineIssue[] }>
}

/**
 * A validator over what comes with Salus and these package files (.tgz, folders or .json files). Code systems that are loaded into a
 * database (SNOMED CT, LOINC) are not there: their codes are not checked, which is a warning. Faults `definitions.package.*`.
 */
export async function openOfflineValidator(options: {
  packages: readonly string[]
  clock: Clock
}): Promise<OfflineValidator> {
  // Under which name a package goes tells nothing here, and a folder or file may have none.
  const definitions = await definitionsOfPackages(
    options.packages.map((path) => ({ path, name: 'given', version: '0' })),
  )
  const terminology = memoryTerminology(definitions)
  const validator = createValidator({ definitions, terminology, units: unitConverter })
  return {
    async validate(json, profiles, from = 'file') {
      const parsed = parseJsonBody(json)
      if (!parsed.ok) return { isResource: true, issues: [asIssue({ message: jsonProblem(parsed.fault, json, from) })] }
      const { value, scan } = parsed.value
      if (value.resourceType === undefined) return { isResource: false, issues: [asIssue(NO_RESOURCE)] }
      const { issues, pending } = validator.validate(value, { profiles, now: options.clock.now() })
      for (const one of pending) issues.push(...issuesOfVerdict(one, await terminology.check(one.check)))
      if (countMembers(value) !== scan.members) issues.unshift(asIssue(DOUBLE_KEY))
      return { isResource: true, issues: distinctIssues(issues) }
    },
  }
}

function asIssue({ message }: Pick<Fault, 'message'>): OfflineIssue {
  return { severity: 'error', code: 'structure', expression: '', text: message }
}

/** The faults speak of the body of a request. */
function jsonProblem({ code, message }: Fault, json: Buffer, from: 'file' | 'line'): string {
  if (code === 'fhir.json.not-utf8') return `The ${from} is not valid UTF-8.`
  if (code === 'fhir.json.not-an-object') return `The ${from} must hold one JSON object: a FHIR resource.`
  if (code !== 'fhir.json.syntax') return message.replace('The body', `The ${from}`)
  const place = jsonErrorPlace(new TextDecoder().decode(json))
  if (place === undefined) return `The ${from} is not valid JSON.`
  const line = from === 'line' ? '' : `line ${place.line}, `
  return `The ${from} is not valid JSON: ${line}column ${place.column}.`
}

const NO_RESOURCE = { message: 'This is JSON, but no FHIR resource: it has no resourceType.' }

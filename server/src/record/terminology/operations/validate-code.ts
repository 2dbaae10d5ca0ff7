import type { Inquiry } from '../engine/inquiry.ts'
import { outcomeOfIssues, TerminologyError } from '../engine/issues.ts'
import { canonicalParts, type Json } from '../engine/resources.ts'
import { invalid } from '../engine/settings.ts'
import { validateCode } from '../engine/validate-code.ts'
import type { Work } from '../engine/work.ts'
import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { codedIn } from './coded-in.ts'
import { ParametersIn } from './parameters-in.ts'
import { valueSetIn } from './value-set-in.ts'

/** http://hl7.org/fhir/R4/valueset-operation-validate-code.html */
export async function validateInValueSet(
  inquiry: Inquiry,
  parameters: ParametersIn,
  resource: Json | undefined,
): Promise<object> {
  const coded = codedIn(parameters, 'system')
  return validateCode(inquiry, await valueSetIn(inquiry, parameters, resource), coded)
}

/** http://hl7.org/fhir/R4/codesystem-operation-validate-code.html : the whole code system is the value set. */
export async function validateInCodeSystem(
  inquiry: Inquiry,
  parameters: ParametersIn,
  resource: Json | undefined,
): Promise<object> {
  const coded = codedIn(parameters, 'url')
  const given = resource ?? parameters.resources('codeSystem')[0]
  const stated = typeof given?.url === 'string' ? given.url : parameters.text('url')
  const { url, version } = canonicalParts(stated ?? coded.codings[0]?.system ?? '')
  if (url === '') throw invalid('There is no code system to validate in. Give url, or a coding with a system.')
  const include = { system: url, ...(version === undefined ? {} : { version }) }
  const all: Json = { resourceType: 'ValueSet', status: 'active', compose: { include: [include] } }
  const codings = coded.codings.map((coding) => ({ ...coding, system: coding.system ?? url }))
  return validateCode(inquiry, all, { ...coded, codings }, { isInternal: true })
}

/**
 * Many validations at once, as the terminology ecosystem has them: each `validation` is the Parameters of one, and what stands
 * beside them counts for all. A validation that fails answers an OperationOutcome in its place. All share what one request may cause.
 */
export async function validateBatch(
  open: (parameters: ParametersIn) => Inquiry,
  parameters: ParametersIn,
  work: Work,
  validate: (inquiry: Inquiry, parameters: ParametersIn) => Promise<object>,
): Promise<object> {
  const entries = parameters.resources('validation')
  if (entries.length > TERMINOLOGY_LIMITS.batchMax)
    throw invalid(`One batch has at most ${TERMINOLOGY_LIMITS.batchMax} validations.`)
  const shared = sharedOf(parameters)
  const answers: Json[] = []
  for (const entry of entries) {
    await work.turn()
    const own = Array.isArray(entry.parameter) ? (entry.parameter as Json[]) : []
    const merged = new ParametersIn({ resourceType: 'Parameters', parameter: [...own, ...shared] })
    answers.push({ name: 'validation', resource: await answered(() => validate(open(merged), merged)) })
  }
  return { resourceType: 'Parameters', parameter: answers }
}

function sharedOf({ resource }: ParametersIn): Json[] {
  const all = Array.isArray(resource.parameter) ? (resource.parameter as Json[]) : []
  return all.filter(({ name }) => name !== 'validation')
}

async function answered(work: () => Promise<object>): Promise<object> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TerminologyError) return outcomeOfIssues(error.issues)
    throw error
  }
}

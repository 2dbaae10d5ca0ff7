import { RESOURCE_TYPES } from '@salus/fhir-model'
import { type Fault, raise } from '#kernel'
import type { RecordStore } from '../store/record-store.ts'
import type { Resource } from '../store/write-request.ts'
import { isUnknownProfile } from '../validate/claimed-profiles.ts'
import type { Policies } from '../validate/policies.ts'
import type { ProfileChecks } from '../validate/profile-checks.ts'
import { TOO_COSTLY } from '../validate/validate-faults.ts'
import { VALIDATE_LIMITS } from '../validate/validate-limits.ts'
import type { Operation, OperationAnswer, OperationCall } from './operation.ts'
import { type Finding, outcomeOfFindings } from './validate-outcome.ts'
import { findTargets } from './validate-references.ts'

interface ValidateParts {
  store: RecordStore
  checks: ProfileChecks
  policies: Policies
  fhirBase: string
}

/** http://hl7.org/fhir/R4/valueset-resource-validation-mode.html */
const MODES = ['create', 'update', 'delete', 'profile'] as const
type Mode = (typeof MODES)[number]

/** Asks whether the targets of references are stored here; ours. */
const REFERENCES = 'salus-check-references'

/**
 * Whether a resource conforms to R4, to the profiles it claims and those asked for, and whether it could be created, updated or
 * deleted: http://hl7.org/fhir/R4/resource-operation-validate.html. It answers 200 whatever is found. What `create` and the other
 * modes say of the caller's rights is a finding, not a refusal.
 *
 * Faults: `fhir.validate.resource-missing`, `.mode-unknown`, `.instance-needed`, `.profile-missing`, `.profiles-too-many`,
 * `.too-costly`, `.paused`.
 */
export function validateOperation(parts: ValidateParts): Operation {
  return {
    name: 'validate',
    definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate',
    levels: ['type', 'instance'],
    types: RESOURCE_TYPES.filter((type) => type !== 'AuditEvent'),
    affectsState: false,
    permission: 'r',
    parameters: {
      resource: { kind: 'resource' },
      mode: { kind: 'text' },
      profile: { kind: 'text', many: true },
      [REFERENCES]: { kind: 'boolean' },
    },
    bareResource: 'resource',
    run: (call) => run(parts, call),
  }
}

interface Asked {
  mode: Mode | undefined
  given: Resource | undefined
  profiles: string[]
  withReferences: boolean
}

async function run(parts: ValidateParts, call: OperationCall): Promise<OperationAnswer> {
  const asked = askedOf(call)
  const rights = rightsFor(call, asked.mode)
  if (asked.mode === 'delete') return { status: 200, body: outcomeOfFindings(rights) }
  const resource = asked.given ?? call.instance?.resource ?? raise(RESOURCE_MISSING)
  if (JSON.stringify(resource).length > VALIDATE_LIMITS.resourceCharsMax) raise(TOO_COSTLY)
  const { caller } = call
  const check = await parts.checks.of(caller.tenant)
  const issues = await check(resource, { profiles: asked.profiles })
  const isStrict = isWrite(asked.mode) && (await parts.policies.of(caller.tenant)) === 'reject'
  const found = issues.map((one): Finding => (isStrict && isUnknownProfile(one) ? { ...one, severity: 'error' } : one))
  const targets = asked.withReferences
    ? await findTargets(parts.store, caller, resource, parts.fhirBase)
    : { findings: [], patients: [], count: 0 }
  const findings = [...rights, ...addressFindings(call, asked, resource), ...found, ...targets.findings]
  return {
    status: 200,
    body: outcomeOfFindings(findings),
    patients: targets.patients,
    count: targets.count + (asked.given ? 0 : 1),
  }
}

function askedOf({ parameters, instance }: OperationCall): Asked {
  const list = parameters.parameter as { name: string; resource?: Resource; [value: string]: unknown }[]
  const valuesOf = (name: string): unknown[] =>
    list
      .filter((one) => one.name === name)
      .map((one) => Object.entries(one).find(([key]) => key.startsWith('value'))?.[1])
  const mode = modeOf(valuesOf('mode')[0])
  const given = list.find(({ name }) => name === 'resource')?.resource
  const profiles = valuesOf('profile') as string[]
  if (profiles.length > VALIDATE_LIMITS.profilesMax) raise(TOO_MANY_PROFILES)
  if (mode === 'delete' || mode === 'profile') {
    if (!instance || given) raise(INSTANCE_NEEDED)
    if (mode === 'profile' && profiles.length === 0) raise(PROFILE_MISSING)
  }
  if (isWrite(mode) && !given) raise(RESOURCE_MISSING)
  return { mode, given, profiles, withReferences: String(valuesOf(REFERENCES)[0]) === 'true' }
}

function modeOf(value: unknown): Mode | undefined {
  return value === undefined ? undefined : (MODES.find((mode) => mode === value) ?? raise(MODE_UNKNOWN))
}

function isWrite(mode: Mode | undefined): boolean {
  return mode === 'create' || mode === 'update'
}

const RIGHTS = { create: 'c', update: 'u', delete: 'd' } as const

function rightsFor({ caller, type = '' }: OperationCall, mode: Mode | undefined): Finding[] {
  if (mode === undefined || mode === 'profile' || caller.scopes.allows(type, RIGHTS[mode])) return []
  return [{ severity: 'error', code: 'forbidden', expression: '', text: `The access token does not allow ${mode}.` }]
}

/** What a write to this address would be refused for, beside the resource itself. */
function addressFindings(
  { type = '', instance }: OperationCall,
  { mode, given }: Asked,
  resource: Resource,
): Finding[] {
  const findings: Finding[] = []
  const error = (code: Finding['code'], expression: string, text: string): void =>
    void findings.push({ severity: 'error', code, expression, text })
  if (resource.resourceType !== type) error('invalid', '', `The resource is not of the type of the address, ${type}.`)
  if (mode !== 'update' || !given) return findings
  const { id, meta } = given
  if (id === undefined) error('required', `${type}.id`, 'An update needs the id of the resource.')
  else if (instance && id !== instance.resource.id)
    error('invalid', `${type}.id`, 'The id is not the one in the address.')
  const tags: unknown = meta?.tag
  if (Array.isArray(tags) && tags.some((tag: { code?: unknown } | null) => tag?.code === 'SUBSETTED'))
    error(
      'business-rule',
      `${type}.meta.tag`,
      'It is a part of a resource (SUBSETTED). Storing it would lose the rest.',
    )
  const version = meta?.versionId
  if (instance && version !== undefined && version !== String(instance.row.version))
    findings.push({
      severity: 'warning',
      code: 'conflict',
      expression: `${type}.meta.versionId`,
      text: 'Another version is stored by now. With If-Match the update would be refused.',
    })
  return findings
}

const RESOURCE_MISSING: Fault = {
  category: 'invalid',
  code: 'fhir.validate.resource-missing',
  message: 'Send the resource to be checked as the body, or as the parameter resource of a Parameters.',
}
const MODE_UNKNOWN: Fault = {
  category: 'invalid',
  code: 'fhir.validate.mode-unknown',
  message: `The parameter mode is one of ${MODES.join(', ')}, or is left out.`,
}
const INSTANCE_NEEDED: Fault = {
  category: 'invalid',
  code: 'fhir.validate.instance-needed',
  message: 'The modes delete and profile are about a stored resource: name it by [type]/[id]/$validate and send none.',
}
const PROFILE_MISSING: Fault = {
  category: 'invalid',
  code: 'fhir.validate.profile-missing',
  message: 'Name the profile that the stored resource is to be checked against with the parameter profile.',
}
const TOO_MANY_PROFILES: Fault = {
  category: 'too-large',
  code: 'fhir.validate.profiles-too-many',
  message: `One call checks against at most ${VALIDATE_LIMITS.profilesMax} profiles.`,
}

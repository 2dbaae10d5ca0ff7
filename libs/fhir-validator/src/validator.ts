import { isResourceType } from '@salus/fhir-model'
import type { HostFunctions, UnitConverter } from '@salus/fhirpath'
import { type DefinitionSource, isJson } from './definition-source.ts'
import { findingsOfWalk } from './findings.ts'
import type { Issue } from './issue.ts'
import type { PendingCheck } from './pending.ts'
import { Plans } from './plans.ts'
import { Profiles } from './profiles.ts'
import { checkResource, enter } from './resources.ts'
import type { Settings, ValidateOptions } from './settings.ts'
import type { TerminologyForValidation } from './terminology-port.ts'
import { Walk } from './walk.ts'

/** What a validator works with for as long as it lives. */
export interface ValidatorParts {
  definitions: DefinitionSource
  /** Without it codes are not checked. */
  terminology?: TerminologyForValidation
  /** Conversion between units, for invariants and limits. */
  units?: UnitConverter
  /** Further FHIRPath functions that invariants may call. */
  functions?: HostFunctions
}

/** What {@link Validator.validate} found. */
export interface Validation {
  issues: Issue[]
  /** Codes that could not be checked at once. Ask the terminology, then call `issuesOfVerdict`. */
  pending: PendingCheck[]
  /** Object members visited in the last pass: a text that holds more has a key twice in an object. */
  keys: number
}

/** Checks resources; made by {@link createValidator}. */
export interface Validator {
  /**
   * Checks a parsed resource against its type, the profiles asked for and those it claims. Synchronous; never throws for
   * any JSON. At most 500 issues and 100 objects within each other.
   */
  validate(resource: unknown, options?: ValidateOptions): Validation
}

/**
 * A validator of R4 resources over these definitions. Profiles are compiled when first met and kept, so make one per set
 * of definitions and keep it; make a new one when definitions or value sets change. Spec: https://hl7.org/fhir/R4/validation.html
 */
export function createValidator({ definitions, terminology, units, functions = {} }: ValidatorParts): Validator {
  const plans = new Plans(new Profiles(definitions))
  const parts = { plans, terminology, units, functions }
  return { validate: (resource, options = {}) => validate(resource, options, parts) }
}

type Parts = Pick<Settings, 'plans' | 'terminology' | 'units' | 'functions'>

function validate(resource: unknown, options: ValidateOptions, parts: Parts): Validation {
  const walk = new Walk(settingsOf(options, parts))
  const type = isJson(resource) ? resource.resourceType : undefined
  if (!isJson(resource) || typeof type !== 'string' || !isResourceType(type)) {
    walk.start('Resource')
    walk.error('structure', 'Must be a resource with a resourceType that FHIR R4 has.')
  } else {
    walk.start(type)
    enter(walk, resource, false)
    checkWithin(walk, () => checkResource(walk, resource, options.profiles ?? []))
  }
  const { pending, keys } = walk
  return { issues: findingsOfWalk(walk), pending, keys }
}

/** Everything that recurses has a limit on depth; should one be missing, that is a finding and not a crash. */
function checkWithin(walk: Walk, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    walk.trying = 0
    walk.depth = 0
    walk.error('too-costly', 'Nested too deep to be checked.')
  }
}

function settingsOf(options: ValidateOptions, parts: Parts): Settings {
  return {
    ...parts,
    now: options.now,
    steps: options.steps,
    resolve: options.resolve,
    references: options.references ?? 'ignore',
    unknownExtensions: options.unknownExtensions ?? 'warning',
    allowedExtensions: options.allowedExtensions ?? [],
    bestPractice: options.bestPractice ?? 'warning',
    wrongDisplay: options.wrongDisplay ?? 'error',
    exampleUrls: options.exampleUrls ?? true,
    securityChecks: options.securityChecks ?? false,
    typeProfiles: options.typeProfiles ?? NO_PROFILES,
    claimedProfiles: options.claimedProfiles ?? true,
  }
}

const NO_PROFILES: ReadonlyMap<string, readonly string[]> = new Map()

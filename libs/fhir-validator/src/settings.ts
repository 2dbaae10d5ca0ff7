import type { HostFunctions, UnitConverter } from '@salus/fhirpath'
import type { Json } from './definition-source.ts'
import type { Plans } from './plans.ts'
import type { TerminologyForValidation } from './terminology-port.ts'

/** What one validation may be told. */
export interface ValidateOptions {
  /** Canonicals of profiles the resource must conform to, besides those it claims itself. Default: none. */
  profiles?: readonly string[]
  /** Milliseconds since 1970, for invariants that ask for today. Those fail to evaluate without it. */
  now?: number
  /** The resource a reference means; undefined when not known. Contained resources and those of a Bundle are found without. */
  resolve?: (reference: string) => Json | undefined
  /**
   * `check`: a relative reference to a resource that `resolve` does not know is an error. Default `ignore`: targets are
   * checked only where they are known.
   */
  references?: 'ignore' | 'check'
  /** An extension without a definition. Default `warning`; `error` is the strictness of the reference validator's tests. */
  unknownExtensions?: 'error' | 'warning' | 'ignore'
  /** URLs (prefixes) whose unknown extensions are always fine. */
  allowedExtensions?: readonly string[]
  /** Best-practice invariants such as dom-6. Default `warning`. */
  bestPractice?: 'ignore' | 'information' | 'warning' | 'error'
  /** A display that is not one of the concept's. Default `error`, like the reference validator. */
  wrongDisplay?: 'error' | 'warning' | 'ignore'
  /** Whether URLs of `example.org` and the like may be used. Default true. */
  exampleUrls?: boolean
  /** Text that looks like markup (`<script>`) outside of narrative is an error, not a remark. Default false. */
  securityChecks?: boolean
  /** Profiles that every resource of a type must conform to, as an ImplementationGuide's `global` has it. Default: none. */
  typeProfiles?: ReadonlyMap<string, readonly string[]>
  /**
   * Steps (see `STEPS_MAX` of FHIRPath) that all invariants and patterns of this validation may take together: what was not
   * evaluated is an error. Default: each has a limit of its own only.
   */
  steps?: number
  /** Whether claimed profiles (`meta.profile`) are followed. Default true. */
  claimedProfiles?: boolean
}

/** Options with defaults, and what the validator was made with. */
export interface Settings extends Required<Omit<ValidateOptions, 'now' | 'resolve' | 'profiles' | 'steps'>> {
  plans: Plans
  terminology: TerminologyForValidation | undefined
  units: UnitConverter | undefined
  functions: HostFunctions
  now: number | undefined
  steps: number | undefined
  resolve: ((reference: string) => Json | undefined) | undefined
}

export function allowsExtension({ allowedExtensions }: Settings, url: string): boolean {
  for (const prefix of allowedExtensions) if (url.startsWith(prefix)) return true
  return false
}

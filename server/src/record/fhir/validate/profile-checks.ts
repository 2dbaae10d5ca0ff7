import {
  createValidator,
  type DefinitionSource,
  type Issue,
  type ValidateOptions,
  type Validator,
} from '@salus/fhir-validator'
import type { Definitions } from '#definitions'
import { type Clock, eventLoopTurns, raise } from '#kernel'
import type { Shelf, Terminology } from '#terminology'
import { issuesOfOpenCodes } from './open-codes.ts'
import { type FetchStored, TenantDefinitions } from './tenant-definitions.ts'
import { unitConverter } from './unit-converter.ts'
import { PAUSED, TOO_COSTLY } from './validate-faults.ts'
import { VALIDATE_LIMITS } from './validate-limits.ts'
import { warmTables } from './warm-tables.ts'
import { withinTime } from './within-time.ts'

/** Checks a resource as one tenant sees the world; errors are among the issues. Faults `fhir.validate.too-costly`, `.paused`. */
export type ProfileCheck = (resource: object, options: Omit<ValidateOptions, 'now'>) => Promise<Issue[]>

/** Validation against profiles for all tenants of a process. */
export interface ProfileChecks {
  /** The check for one request: all of it sees the same definitions. One look at whether the tenant's own have changed. */
  of(tenant: number): Promise<ProfileCheck>
}

export interface ProfileCheckParts {
  definitions: Definitions
  terminology: Pick<Terminology, 'checkNow' | 'check'>
  /** Equal while the definitions that the tenant has stored are; undefined when there are none. */
  stampOf(tenant: number): Promise<string | undefined>
  fetch(tenant: number): FetchStored
  /** The tenant's own terminology. */
  shelf(tenant: number): Shelf
  clock: Clock
}

/** Compiled profiles, and what they were compiled from. */
interface Compiled {
  stamp: string
  validator: Validator
  /** Undefined where only the definitions of all are used. */
  own?: TenantDefinitions
  /** A fetch under way: whoever checks meanwhile would take for unknown what is just coming. */
  fetching?: Promise<void>
}

/** Nothing is read or compiled before the first check. https://hl7.org/fhir/R4/validation.html */
export function profileChecks(parts: ProfileCheckParts): ProfileChecks {
  const { clock, terminology } = parts
  const kept = new KeptValidators(parts)
  const pausedUntil = new Map<number, number>()
  return {
    async of(tenant) {
      const own = await parts.stampOf(tenant)
      return async (resource, options) => {
        if ((pausedUntil.get(tenant) ?? 0) > clock.monotonic()) raise(PAUSED)
        const began = clock.monotonic()
        const left = { ms: VALIDATE_LIMITS.checkMs }
        const full = { ...options, now: clock.now() }
        const found = await kept.validate(tenant, own, left, (validator) => validator.validate(resource, full))
        if (!found) {
          pausedUntil.set(tenant, clock.monotonic() + VALIDATE_LIMITS.pauseMs)
          return raise(TOO_COSTLY)
        }
        const shelf = parts.shelf(tenant)
        const codes = await issuesOfOpenCodes(found.pending, (check) => terminology.check(check, shelf), {
          isLate: () => clock.monotonic() - began > VALIDATE_LIMITS.codesMs,
          turn: eventLoopTurns(clock),
        })
        return [...found.issues, ...codes]
      }
    },
  }
}

class KeptValidators {
  readonly #parts: ProfileCheckParts
  #shared: Compiled | undefined
  #isWarm = false
  readonly #byTenant = new Map<number, Compiled>()

  constructor(parts: ProfileCheckParts) {
    this.#parts = parts
  }

  /** Undefined when it was stopped. `left` is the time that all rounds together have. */
  async validate<T>(
    tenant: number,
    own: string | undefined,
    left: { ms: number },
    work: (validator: Validator) => T,
  ): Promise<T | undefined> {
    const { clock, definitions, stampOf } = this.#parts
    let stamp = own
    if (!this.#isWarm) warmTables(definitions)
    this.#isWarm = true
    for (let round = 0; ; round++) {
      let compiled = this.#compiled(tenant, stamp)
      // Nothing is awaited between the last look and the work: on half of what is coming, it would take the rest for absent.
      while (compiled.fetching) {
        await compiled.fetching
        compiled = this.#compiled(tenant, stamp)
      }
      const began = clock.monotonic()
      const done = withinTime(left.ms, () => work(compiled.validator))
      left.ms -= clock.monotonic() - began
      if (!done) {
        // It was stopped in the middle of whatever it did: nothing of it can be trusted any more.
        this.#drop(tenant, compiled)
        return undefined
      }
      if (compiled.own?.hasMissed !== true) return done.result
      // What is still missing after so many rounds would be taken for absent.
      if (round >= VALIDATE_LIMITS.roundsMax) return undefined
      const isNew = await this.#fetch(compiled, compiled.own)
      const now = await stampOf(tenant)
      if (!isNew && now === stamp) return done.result
      // What was fetched after a change does not go with what was fetched before it.
      stamp = now
      if (left.ms <= 0) return undefined
    }
  }

  #compiled(tenant: number, stamp: string | undefined): Compiled {
    return stamp === undefined ? this.#forAll() : this.#forTenant(tenant, stamp)
  }

  async #fetch(compiled: Compiled, own: TenantDefinitions): Promise<boolean> {
    let isNew = false
    const fetching = own.fetchMissed().then((found) => {
      isNew = found
      if (found) compiled.validator = this.#validator(own)
    })
    compiled.fetching = fetching
    try {
      await fetching
    } catch (error) {
      // What it could not fetch it would take for absent.
      for (const [tenant, one] of this.#byTenant) if (one === compiled) this.#byTenant.delete(tenant)
      throw error
    } finally {
      delete compiled.fetching
    }
    return isNew
  }

  #forAll(): Compiled {
    const { definitions } = this.#parts
    const stamp = String(definitions.revision)
    if (this.#shared?.stamp !== stamp) this.#shared = { stamp, validator: this.#validator(definitions) }
    return this.#shared
  }

  #forTenant(tenant: number, own: string): Compiled {
    const { definitions } = this.#parts
    const stamp = `${definitions.revision} ${own}`
    const known = this.#byTenant.get(tenant)
    this.#byTenant.delete(tenant)
    let compiled = known
    if (compiled?.stamp !== stamp) {
      const source = new TenantDefinitions(definitions, this.#parts.fetch(tenant))
      compiled = { stamp, own: source, validator: this.#validator(source) }
    }
    if (this.#byTenant.size >= VALIDATE_LIMITS.tenantsMax)
      this.#byTenant.delete(this.#byTenant.keys().next().value as number)
    this.#byTenant.set(tenant, compiled)
    return compiled
  }

  #drop(tenant: number, compiled: Compiled): void {
    if (this.#shared === compiled) this.#shared = undefined
    if (this.#byTenant.get(tenant) === compiled) this.#byTenant.delete(tenant)
  }

  #validator(definitions: DefinitionSource): Validator {
    return createValidator({
      definitions,
      terminology: this.#parts.terminology,
      units: unitConverter,
    })
  }
}

import {
  createValidator,
  type DefinitionSource,
  type Issue,
  type ValidateOptions,
  type Validator,
} from '@salus/fhir-validator'
import type { HeldDefinitions } from '#definitions'
import { type Clock, eventLoopTurns, raise } from '#kernel'
import type { Shelf, Terminology } from '#terminology'
import { CheckTurns } from './check-turns.ts'
import { issuesOfOpenCodes } from './open-codes.ts'
import { type FetchStored, TenantDefinitions } from './tenant-definitions.ts'
import { unitConverter } from './unit-converter.ts'
import { PAUSED, TOO_COSTLY } from './validate-faults.ts'
import { VALIDATE_LIMITS } from './validate-limits.ts'
import { warmTables } from './warm-tables.ts'
import { withinTime } from './within-time.ts'

/** Checks a resource as one tenant sees the world; errors are among the issues. Faults `fhir.validate.too-costly`, `.paused`, `.busy`. */
export type ProfileCheck = (resource: object, options: Omit<ValidateOptions, 'now'>) => Promise<Issue[]>

/** Validation against profiles for all tenants of a process. */
export interface ProfileChecks {
  /** The check for one request: all of it sees the same definitions, and takes its time from one budget. One look at whether the tenant's own have changed. */
  of(tenant: number): Promise<ProfileCheck>
}

export interface ProfileCheckParts {
  definitions: HeldDefinitions
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
  fetching?: Promise<boolean>
}

type Work<T> = (validator: Validator) => T

/** What one round came to: a result unless a fetch was already under way, and the fetch that is to be waited for. */
interface Round<T> {
  done?: { result: T }
  fetching?: Promise<boolean>
}

/** Does a round when it is its turn, with the milliseconds it may take. */
type InTurn = <T>(round: (ms: number) => Round<T> | undefined) => Promise<Round<T>>

/** Nothing is read or compiled before the first check. https://hl7.org/fhir/R4/validation.html */
export function profileChecks(parts: ProfileCheckParts): ProfileChecks {
  const { clock, terminology } = parts
  const turns = new CheckTurns(clock)
  const kept = new KeptValidators(parts)
  const pausedUntil = new Map<number, number>()
  return {
    async of(tenant) {
      const own = await parts.stampOf(tenant)
      const request = { ms: VALIDATE_LIMITS.requestMs }
      return async (resource, options) => {
        const full = { ...options, now: clock.now(), steps: VALIDATE_LIMITS.steps }
        const left = { ms: Math.min(VALIDATE_LIMITS.checkMs, request.ms) }
        const inTurn: InTurn = (round) =>
          turns.run(tenant, () => {
            if ((pausedUntil.get(tenant) ?? 0) > clock.monotonic()) raise(PAUSED)
            if (left.ms <= 0) raise(TOO_COSTLY)
            const began = clock.monotonic()
            const done = round(left.ms)
            const took = clock.monotonic() - began
            left.ms -= took
            request.ms -= took
            if (done) return done
            pausedUntil.set(tenant, clock.monotonic() + VALIDATE_LIMITS.pauseMs)
            return raise(TOO_COSTLY)
          })
        const found = await kept.validate(tenant, own, inTurn, (validator) => validator.validate(resource, full))
        const began = clock.monotonic()
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

  /** In rounds, each in its turn: one more whenever definitions had to be fetched. */
  async validate<T>(tenant: number, own: string | undefined, inTurn: InTurn, work: Work<T>): Promise<T> {
    let stamp = own
    for (let round = 0; round < VALIDATE_LIMITS.roundsMax; round++) {
      const { done, fetching } = await inTurn((ms) => this.#round(tenant, stamp, ms, work))
      if (!fetching) return (done as { result: T }).result
      const isNew = await fetching
      const now = await this.#parts.stampOf(tenant)
      if (done && !isNew && now === stamp) return done.result
      // What was fetched after a change does not go with what was fetched before it.
      stamp = now
    }
    // What is still missing after so many rounds would be taken for absent.
    return raise(TOO_COSTLY)
  }

  /** Undefined when it was stopped. Awaits nothing: on half of what a fetch brings, it would take the rest for absent. */
  #round<T>(tenant: number, stamp: string | undefined, ms: number, work: Work<T>): Round<T> | undefined {
    const { definitions } = this.#parts
    if (!this.#isWarm) warmTables(definitions)
    this.#isWarm = true
    const compiled = stamp === undefined ? this.#forAll() : this.#forTenant(tenant, stamp)
    if (compiled.fetching) return { fetching: compiled.fetching }
    const done = withinTime(ms, () => work(compiled.validator))
    if (!done) {
      // It was stopped in the middle of whatever it did: nothing of it can be trusted any more.
      this.#drop(tenant, compiled)
      definitions.forget()
      return undefined
    }
    if (compiled.own?.hasMissed !== true) return { done }
    compiled.fetching = this.#fetch(compiled, compiled.own)
    return { done, fetching: compiled.fetching }
  }

  /** True when something was found. */
  async #fetch(compiled: Compiled, own: TenantDefinitions): Promise<boolean> {
    try {
      const isNew = await own.fetchMissed()
      if (isNew) compiled.validator = this.#validator(own)
      return isNew
    } catch (error) {
      // What it could not fetch it would take for absent.
      for (const [tenant, one] of this.#byTenant) if (one === compiled) this.#byTenant.delete(tenant)
      throw error
    } finally {
      delete compiled.fetching
    }
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

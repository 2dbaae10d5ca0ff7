import { fhirPathModel } from '@salus/fhir-model'
import { type CompiledExpression, compile, FhirPathError, type StepBudget } from '@salus/fhirpath'
import { raise } from '#kernel'
import { GRAPHQL_FAULTS, GRAPHQL_LIMITS } from './graphql-faults.ts'

/** What an expression of a query is evaluated on. */
export interface PathInput {
  value: unknown
  /** The resource it stands in. */
  resource: unknown
}

/**
 * The FHIRPath expressions of one query: each is compiled once for each type that it is asked of, and all share one budget. Faults
 * `fhir.graphql.fhirpath-invalid`, and `fhir.graphql.too-costly` beyond `expressionsMax`, `expressionCharsMax` or `fhirPathStepsMax`.
 */
export class PathExpressions {
  readonly #now: number
  readonly #budget: StepBudget = { left: GRAPHQL_LIMITS.fhirPathStepsMax }
  readonly #compiled = new Map<string, CompiledExpression>()
  #chars = 0

  /** `now`: one moment for the whole query. */
  constructor(now: number) {
    this.#now = now
  }

  /** Whether it is true of a value of the type. */
  holds(expression: string, type: string, input: PathInput): boolean {
    return this.#evaluated(expression, type, (compiled) => compiled.test(input.value, this.#environment(input)))
  }

  /** The first it gives of a value of the type. */
  first(expression: string, type: string, input: PathInput): unknown {
    return this.#evaluated(expression, type, (compiled) => compiled(input.value, this.#environment(input))[0])
  }

  #environment({ resource }: PathInput) {
    return { resource, now: this.#now, budget: this.#budget }
  }

  #evaluated<T>(expression: string, type: string, work: (compiled: CompiledExpression) => T): T {
    // Operators and literals take no steps of their own, so that a long expression pays for its length at each value.
    this.#budget.left -= 1 + Math.ceil(expression.length / CHARS_PER_STEP)
    if (this.#budget.left < 0) raise(GRAPHQL_FAULTS.costly)
    try {
      return work(this.#compile(expression, type))
    } catch (error) {
      if (!(error instanceof FhirPathError)) throw error
      return raise(error.code === 'limit' ? GRAPHQL_FAULTS.costly : GRAPHQL_FAULTS.fhirPath)
    }
  }

  #compile(expression: string, type: string): CompiledExpression {
    const key = `${type} ${expression}`
    const known = this.#compiled.get(key)
    if (known) return known
    this.#chars += expression.length
    if (this.#compiled.size >= GRAPHQL_LIMITS.expressionsMax || this.#chars > GRAPHQL_LIMITS.expressionCharsMax)
      raise(GRAPHQL_FAULTS.costly)
    const made = compile(expression, { model: fhirPathModel, type })
    this.#compiled.set(key, made)
    return made
  }
}

/** Characters of an expression whose evaluation costs about as much as a step. */
const CHARS_PER_STEP = 20

import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { TerminologyError } from './issues.ts'
import { Languages } from './languages.ts'
import { canonicalParts, isObject, type Json, object, objects, text, texts, valueOf } from './resources.ts'

/** How the version of a system or value set is chosen: http://hl7.org/fhir/R4/valueset-operation-expand.html (system-version ...) */
export interface VersionRule {
  /** Name of the parameter it came as. */
  name: string
  mode: 'default' | 'check' | 'force'
  url: string
  version: string
}

/** What a request, or a value set itself, says about how to answer. */
export class Settings {
  readonly isExpansion: boolean
  readonly rules: VersionRule[] = []
  readonly valueSetRules: VersionRule[] = []
  readonly properties: string[] = []
  readonly designations: string[] = []
  readonly supplements = new Set<string>()
  readonly flags = new Map<Flag, boolean>()
  displayLanguages: Languages | undefined
  /** Of the request's header, or else of the value set. */
  httpLanguages: Languages | undefined
  filter: string | undefined
  count: number | undefined
  offset: number | undefined

  constructor(isExpansion: boolean) {
    this.isExpansion = isExpansion
  }

  /** The languages in which names are shown and checked. */
  get languages(): Languages | undefined {
    return this.displayLanguages ?? this.httpLanguages
  }

  get languageSummary(): string {
    return this.languages?.summary || '--'
  }

  is(flag: Flag): boolean {
    return this.flags.get(flag) ?? flag === 'abstract'
  }

  /** `*` alone, which some clients always send, asks for nothing. */
  acceptLanguage(header: string | undefined): void {
    if (header?.trim() !== '*') this.httpLanguages ??= Languages.parse(header, this.isExpansion)
  }

  /** Take a parameter; `isOwn`: of the request, which a value set's own wishes do not override. */
  take(name: string, value: unknown, isOwn: boolean): void {
    const rule = RULES[name]
    if (rule) this.#takeRule(name, rule, value)
    else if (FLAGS.has(name)) this.#takeFlag(name as Flag, value, isOwn)
    else if (typeof value === 'string') this.#takeText(name, value, isOwn)
    else if (typeof value === 'number') this.#takeNumber(name, value, isOwn)
  }

  #takeRule(name: string, { mode, isOfValueSets }: RuleKind, value: unknown): void {
    const { url, version } = canonicalParts(typeof value === 'string' ? value : '')
    if (url === '' || version === undefined)
      throw invalid(`The parameter ${name} takes a canonical with a version: system|version.`)
    const rules = isOfValueSets ? this.valueSetRules : this.rules
    if (rules.length >= RULES_MAX) throw invalid(`At most ${RULES_MAX} version parameters are taken.`)
    rules.push({ name, mode, url, version })
  }

  #takeFlag(name: Flag, value: unknown, isOwn: boolean): void {
    const flag = value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined
    if (flag === undefined) throw invalid(`The parameter ${name} is true or false.`)
    if (isOwn || !this.flags.has(name)) this.flags.set(name, flag)
  }

  #takeText(name: string, value: string, isOwn: boolean): void {
    switch (name) {
      case 'displayLanguage':
        if (isOwn || !this.displayLanguages) this.displayLanguages = languages(value, this.isExpansion)
        break
      case 'property':
        if (!this.properties.includes(value) && this.properties.length < RULES_MAX) this.properties.push(value)
        break
      case 'designation':
        if (this.designations.length < RULES_MAX) this.designations.push(value)
        break
      case 'useSupplement':
        if (this.supplements.size < RULES_MAX) this.supplements.add(value)
        break
      case 'filter':
        if (value.length > TERMINOLOGY_LIMITS.filterCharsMax)
          throw invalid(`A text filter has at most ${TERMINOLOGY_LIMITS.filterCharsMax} characters.`)
        this.filter = value
        break
      case 'count':
      case 'offset':
        this.#takeNumber(name, Number(value), isOwn)
    }
  }

  #takeNumber(name: string, value: number, isOwn: boolean): void {
    if (name !== 'count' && name !== 'offset') return
    if (!Number.isSafeInteger(value) || value < 0) throw invalid(`The parameter ${name} is a whole number from 0.`)
    if (isOwn || this[name] === undefined) this[name] = value
  }

  /** What a value set asks for by extension or, since R6, by element. */
  takeFromValueSet(valueSet: Json): void {
    const compose = object(valueSet, 'compose')
    for (const extension of objects(compose, 'extension')) {
      if (!EXPANSION_PARAMETER.has(String(extension.url))) continue
      const parts = objects(extension, 'extension')
      const name = valueOf(parts.find((part) => part.url === 'name'))?.[1]
      const value = valueOf(parts.find((part) => part.url === 'value'))?.[1]
      if (typeof name === 'string') this.take(name, value, false)
    }
    for (const property of texts(compose, 'property')) this.take('property', property, false)
    const language = text(valueSet, 'language')
    this.httpLanguages ??= Languages.parse(language, this.isExpansion)
  }
}

/** Truth values among the parameters. */
export type Flag =
  | 'abstract'
  | 'activeOnly'
  | 'default-to-latest-version'
  | 'excludeNested'
  | 'excludeNotForUI'
  | 'excludePostCoordinated'
  | 'includeDefinition'
  | 'includeDesignations'
  | 'inferSystem'
  | 'lenient-display-validation'
  | 'valueset-membership-only'
  | 'versionsMatch'

const FLAGS: ReadonlySet<string> = new Set<Flag>([
  'abstract',
  'activeOnly',
  'default-to-latest-version',
  'excludeNested',
  'excludeNotForUI',
  'excludePostCoordinated',
  'includeDefinition',
  'includeDesignations',
  'inferSystem',
  'lenient-display-validation',
  'valueset-membership-only',
  'versionsMatch',
])

interface RuleKind {
  mode: VersionRule['mode']
  isOfValueSets: boolean
}

const RULES: Record<string, RuleKind | undefined> = {
  'system-version': { mode: 'default', isOfValueSets: false },
  'check-system-version': { mode: 'check', isOfValueSets: false },
  'force-system-version': { mode: 'force', isOfValueSets: false },
  'default-valueset-version': { mode: 'default', isOfValueSets: true },
  'check-valueset-version': { mode: 'check', isOfValueSets: true },
  'force-valueset-version': { mode: 'force', isOfValueSets: true },
}

/** More than any client sends. */
const RULES_MAX = 100

const EXPANSION_PARAMETER = new Set([
  'http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter',
  'http://hl7.org/fhir/tools/StructureDefinition/valueset-expansion-parameter',
])

function languages(value: string, isExpansion: boolean): Languages {
  const found = Languages.parse(value, isExpansion)
  if (found) return found
  throw new TerminologyError(
    { severity: 'error', code: 'processing', text: 'The parameter displayLanguage names no language.' },
    400,
  )
}

/** A request that is malformed: 400. */
export function invalid(message: string): TerminologyError {
  return new TerminologyError({ severity: 'error', code: 'invalid', text: message }, 400)
}

/** Version a list of rules makes of the one stated: forced, else stated, else the default, else the one checked for. */
export function ruledVersion(
  rules: readonly VersionRule[],
  url: string,
  stated: string | undefined,
): string | undefined {
  const own = rules.filter((rule) => rule.url === url)
  const forced = own.filter(({ mode }) => mode === 'force')
  if (new Set(forced.map(({ version }) => version)).size > 1) throw contradicting(url)
  if (forced[0]) return forced[0].version
  if (stated !== undefined && stated !== '') return stated
  const defaults = own.filter(({ mode }) => mode === 'default')
  if (new Set(defaults.map(({ version }) => version)).size > 1) throw contradicting(url)
  return defaults[0]?.version ?? own.find(({ mode }) => mode === 'check')?.version
}

function contradicting(url: string): TerminologyError {
  return new TerminologyError(
    {
      severity: 'error',
      code: 'exception',
      type: 'version-error',
      text: `The parameters name several versions of ${url}. Name one.`,
    },
    400,
  )
}

/** The parameters of a Parameters resource by name, for those that take part in `Settings`. */
export function takeParameters(settings: Settings, parameters: Json): void {
  for (const parameter of objects(parameters, 'parameter')) {
    const name = text(parameter, 'name')
    const value = valueOf(parameter)
    if (name !== undefined && value !== undefined && !isObject(value[1])) settings.take(name, value[1], true)
  }
}

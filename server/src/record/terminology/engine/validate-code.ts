import { noteStatus, statusOfResource, statusOfSystem } from './canonical-status.ts'
import { noteUnknown } from './check-concept-set.ts'
import { checkDisplay } from './check-display.ts'
import { at, type Check, CheckState, type CodingIn, CodingState } from './check-state.ts'
import { inValueSet } from './check-value-set.ts'
import type { Inquiry } from './inquiry.ts'
import { outcomeOfIssues, TerminologyError } from './issues.ts'
import * as messages from './messages.ts'
import { noteRefusedVersion, noteUnknownSystem } from './note-system.ts'
import { type PreparedValueSet, prepareValueSet } from './prepare.ts'
import { type Json, text } from './resources.ts'
import { compareVersions } from './versions.ts'

/** How the code was handed in. */
export type CodedMode = 'code' | 'coding' | 'codeableConcept'

export interface Coded {
  mode: CodedMode
  codings: readonly CodingIn[]
  /** The CodeableConcept as it came. */
  concept?: Json
}

/**
 * Validate a code, coding or concept against a value set: http://hl7.org/fhir/R4/valueset-operation-validate-code.html
 * `isInternal`: the value set stands for a whole code system that was named, and messages do not speak of it.
 */
export async function validateCode(
  inquiry: Inquiry,
  valueSet: Json,
  coded: Coded,
  { isInternal = false }: { isInternal?: boolean } = {},
): Promise<object> {
  const state = new CheckState()
  let prepared: PreparedValueSet
  try {
    prepared = await prepareValueSet(inquiry, valueSet)
  } catch (error) {
    if (!(error instanceof TerminologyError) || !ABOUT_IMPORT.has(error.issues[0]?.id ?? '')) throw error
    return unprepared(error, coded)
  }
  noteStatus(state.issues, statusOfResource(valueSet), undefined)
  const run = new Run(inquiry, prepared, state, coded, isInternal)
  return run.parameters()
}

/** An import that is missing is an answer about the code, not a failure of the request. */
const ABOUT_IMPORT = new Set(['Unable_to_resolve_value_Set_'])

function unprepared(error: TerminologyError, coded: Coded): object {
  const [issue] = error.issues
  const [coding] = coded.codings
  return parametersOf([
    ['result', { valueBoolean: false }],
    ['message', { valueString: issue?.text }],
    ...codingParts(coded, coding),
    ['issues', { resource: outcomeOfIssues(error.issues) }],
  ])
}

function codingParts(coded: Coded, coding: CodingIn | undefined): [string, Json | undefined][] {
  if (coded.mode === 'codeableConcept') return [['codeableConcept', { valueCodeableConcept: coded.concept }]]
  return [
    ['code', coding?.code === undefined ? undefined : { valueCode: coding.code }],
    ['system', coding?.system === undefined ? undefined : { valueUri: coding.system }],
    ['version', coding?.version === undefined ? undefined : { valueString: coding.version }],
  ]
}

class Run {
  readonly #inquiry: Inquiry
  readonly #valueSet: PreparedValueSet
  readonly #state: CheckState
  readonly #coded: Coded
  readonly #isInternal: boolean
  #isIn: boolean | undefined = false
  #matched: { coding: CodingIn; path: string; version: string | undefined } | undefined
  #first: { coding: CodingIn; version: string | undefined } | undefined
  #display: string | undefined
  readonly #told: string[] = []

  constructor(inquiry: Inquiry, valueSet: PreparedValueSet, state: CheckState, coded: Coded, isInternal: boolean) {
    this.#inquiry = inquiry
    this.#valueSet = valueSet
    this.#state = state
    this.#coded = coded
    this.#isInternal = isInternal
  }

  async parameters(): Promise<object> {
    for (const [index, coding] of this.#coded.codings.entries()) await this.#one(coding, index)
    this.#summary()
    return this.#answer()
  }

  async #one(coding: CodingIn, index: number): Promise<void> {
    const { mode } = this.#coded
    const path = mode === 'code' ? '' : mode === 'coding' ? 'Coding' : `CodeableConcept.coding[${index}]`
    const check: Check = { state: this.#state, coding: new CodingState(), valueSet: this.#valueSet, path }
    if (coding.code === undefined) return
    const isIn = await inValueSet(this.#inquiry, check, coding)
    const system = this.#state.impliedSystem ?? coding.system
    this.#told.push(codingText(system, coding))
    if (!this.#first || isIn === true) this.#first = { coding, version: check.coding.version ?? coding.version }
    if (this.#isIn !== true && isIn !== false) this.#isIn = isIn
    if (isIn === true) this.#accept(check, coding, system)
    else {
      if (isIn === false && mode === 'codeableConcept' && !this.#isInternal) this.#noteNotThis(system, coding, path)
      if (system !== undefined && !this.#inquiry.settings.is('valueset-membership-only'))
        await this.#lookAnyway(check, coding, system)
    }
  }

  #accept(check: Check, coding: CodingIn, system: string | undefined): void {
    const { display, code } = coding
    if (display !== undefined && code !== undefined)
      checkDisplay(this.#inquiry, check, { system: system ?? '', code, display })
    if (this.#matched) return
    this.#matched = { coding, path: check.path, version: check.coding.version }
    this.#display = this.#preferred(check)
  }

  #preferred(check: Check): string | undefined {
    const { displays } = check.coding
    return displays.preferred(this.#inquiry.settings.languages)?.value ?? displays.preferred(undefined)?.value
  }

  #noteNotThis(system: string | undefined, coding: CodingIn, path: string): void {
    this.#state.issues.add({
      severity: 'information',
      code: 'code-invalid',
      type: 'this-code-not-in-vs',
      id: 'None_of_the_provided_codes_are_in_the_value_set_one',
      text: messages.notInValueSet(codingText(system, coding), this.#valueSet.canonical),
      path: `${path}.code`,
    })
  }

  /** It is not in the value set; whether it is a code at all, and rightly named, is told nevertheless. */
  async #lookAnyway(check: Check, coding: CodingIn, system: string): Promise<void> {
    if (!/^[a-z][a-z0-9+.-]*:/i.test(system)) {
      this.#state.tell(messages.RELATIVE_SYSTEM)
      this.#state.issues.add({
        severity: 'error',
        code: 'invalid',
        type: 'invalid-data',
        id: 'Terminology_TX_System_Relative',
        text: messages.RELATIVE_SYSTEM,
        path: at(check.path, 'system'),
      })
    }
    const version = coding.version ?? this.#includedVersion(system)
    const provider = await this.#inquiry.system(system, version)
    if (!provider) {
      await noteUnknownSystem(this.#inquiry, check, system, version)
      return
    }
    noteRefusedVersion(this.#inquiry, check, provider)
    noteStatus(this.#state.issues, statusOfSystem(provider.head), statusOfResource(this.#valueSet.resource))
    const code = coding.code ?? ''
    const concept = await provider.find(code)
    if (!concept) {
      if (!noteUnknown(check, provider, code))
        this.#state.tell(messages.unknownCode(code, provider.head.url, provider.head.version))
      return
    }
    check.coding.see(provider, concept)
    if (concept.isInactive && !this.#state.inactive) {
      this.#state.inactive = { path: check.path, code }
      this.#state.status ??= concept.status
    }
    this.#display ??= this.#preferred(check)
    if (coding.display !== undefined) checkDisplay(this.#inquiry, check, { system, code, display: coding.display })
    if (this.#first?.coding === coding) this.#first.version = provider.head.version
  }

  #includedVersion(system: string): string | undefined {
    return (this.#valueSet.includes ?? [])
      .filter((set) => set.system === system && set.version !== undefined)
      .map(({ version }) => version)
      .toSorted((a, b) => compareVersions(b, a))[0]
  }

  #summary(): void {
    if (this.#isIn !== false || (this.#isInternal && this.#state.issues.hasErrors)) return
    const { mode } = this.#coded
    const isConcept = mode === 'codeableConcept'
    const message = isConcept
      ? messages.noValidCoding(this.#valueSet.canonical)
      : messages.notInValueSet(this.#told.join(', '), this.#valueSet.canonical)
    const isNew = this.#state.issues.add({
      severity: 'error',
      code: 'code-invalid',
      type: 'not-in-vs',
      id: isConcept ? 'TX_GENERAL_CC_ERROR_MESSAGE' : 'None_of_the_provided_codes_are_in_the_value_set_one',
      text: message,
      ...(isConcept ? {} : { path: mode === 'code' ? 'code' : 'Coding.code' }),
    })
    if (isNew) this.#state.tell(message)
  }

  #answer(): object {
    const state = this.#state
    const matched = this.#matched
    const { mode } = this.#coded
    const isConcept = mode === 'codeableConcept'
    const valid = this.#isIn === true && !state.issues.hasErrors
    const shown = matched ?? (isConcept ? undefined : this.#first)
    const system = shown?.coding.system ?? (shown ? state.impliedSystem : undefined)
    const isInactive = state.inactive !== undefined && (!isConcept || state.inactive.path === matched?.path)
    const inactiveStatus = this.#noteInactive()
    for (const { severity, text: told } of state.issues.all) if (severity === 'error') state.tell(told)
    return parametersOf([
      ['result', { valueBoolean: valid }],
      ['system', system === undefined ? undefined : { valueUri: system }],
      ...[...state.unknownSystems].map((canonical): [string, Json | undefined] => [
        this.#isIn === false ? 'x-unknown-system' : 'x-caused-by-unknown-system',
        valid ? undefined : { valueCanonical: canonical },
      ]),
      ['normalized-code', state.normalForm === undefined ? undefined : { valueCode: state.normalForm }],
      ['code', shown?.coding.code === undefined ? undefined : { valueCode: shown.coding.code }],
      ['version', shown?.version === undefined ? undefined : { valueString: shown.version }],
      ['display', this.#display === undefined || !shown ? undefined : { valueString: this.#display }],
      ['inactive', isInactive ? { valueBoolean: true } : undefined],
      ['status', isInactive || !state.inactive ? inactiveStatus : undefined],
      ['message', state.messages.length === 0 ? undefined : { valueString: state.messages.toSorted().join('; ') }],
      ['codeableConcept', isConcept ? { valueCodeableConcept: this.#coded.concept } : undefined],
      ['issues', state.issues.all.length === 0 ? undefined : { resource: outcomeOfIssues(state.issues.all) }],
    ])
  }

  /** Inactive and deprecated concepts are told; the status goes into the answer. */
  #noteInactive(): Json | undefined {
    const { inactive, status } = this.#state
    const note = (id: string, message: string, path: string): void => {
      this.#state.tell(message)
      this.#state.issues.add({
        severity: 'warning',
        code: 'business-rule',
        type: 'code-comment',
        id,
        text: message,
        path,
      })
    }
    if (inactive) {
      const path = inactive.path === '' ? 'code' : inactive.path
      note('INACTIVE_CONCEPT_FOUND', messages.inactiveConcept(inactive.code, status), path)
      return status === undefined || status === 'inactive' ? undefined : { valueCode: status }
    }
    if (status?.toLowerCase() !== 'deprecated') return undefined
    const { mode } = this.#coded
    const path = mode === 'code' ? 'code' : mode === 'coding' ? 'Coding' : 'CodeableConcept'
    note('DEPRECATED_CONCEPT_FOUND', messages.deprecatedConcept(this.#first?.coding.code ?? ''), path)
    return { valueCode: 'deprecated' }
  }
}

function codingText(system: string | undefined, { version, code, display }: CodingIn): string {
  const coded = `${system ?? ''}${version === undefined ? '' : `|${version}`}#${code ?? ''}`
  return `'${coded}${display === undefined ? '' : ` ('${display}')`}'`
}

/** A Parameters resource of those that have a value. */
export function parametersOf(parts: readonly (readonly [string, Json | undefined])[]): object {
  return {
    resourceType: 'Parameters',
    parameter: parts.filter(([, value]) => value !== undefined).map(([name, value]) => ({ name, ...value })),
  }
}

/** A Coding read with care. */
export function codingIn(coding: Json | undefined): CodingIn {
  return {
    system: text(coding, 'system'),
    version: text(coding, 'version'),
    code: text(coding, 'code'),
    display: text(coding, 'display'),
  }
}

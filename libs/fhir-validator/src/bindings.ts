import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import type { ElementDefinition } from './element-definition.ts'
import type { BindingStrength, PendingCheck } from './pending.ts'
import type { Check } from './plan.ts'
import type { CheckedCoding, CodeCheck, CodeVerdict } from './terminology-port.ts'
import { findingsOf } from './verdict-issues.ts'
import type { Walk } from './walk.ts'

const MAX_VALUE_SET = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet'
/**
 * R4's vital signs demand common units of every component, also of those that are no vital sign (a flow of oxygen in
 * L/min) and no quantity; the reference validator takes the binding as extensible.
 */
const VITAL_UNITS = 'http://hl7.org/fhir/ValueSet/ucum-vitals-common'

const CODED_TYPES = new Set([
  'code',
  'uri',
  'url',
  'canonical',
  'string',
  'markdown',
  'Coding',
  'CodeableConcept',
  'Quantity',
])

/** Codes found good and kept per binding, so that the next resource need not ask. Only the definitions' codes are kept. */
const KNOWN_GOOD_MAX = 2_000

/** Spec: https://hl7.org/fhir/R4/terminologies.html#strength */
export function bindingCheck(binding: ElementDefinition['binding'], type: string, element: string): Check | null {
  if (binding === undefined || !CODED_TYPES.has(type)) return null
  const valueSet = textOf(binding.valueSet)
  const strength = valueSet.startsWith(VITAL_UNITS) && element === 'value[x]' ? 'extensible' : binding.strength
  if (!isStrength(strength) || valueSet === '') return null
  const check = oneBinding({ valueSet, strength, type, good: new Map(), kept: 0 })
  const max = objectsOf(binding.extension).find(({ url }) => url === MAX_VALUE_SET)
  const maxValueSet = textOf(max?.valueCanonical) || textOf(max?.valueUri)
  if (maxValueSet === '' || strength === 'required') return check
  const maxCheck = oneBinding({ valueSet: maxValueSet, strength: 'required', type, good: new Map(), kept: 0 })
  return (walk, value, holder) => {
    check(walk, value, holder)
    maxCheck(walk, value, holder)
  }
}

const STRENGTHS = ['required', 'extensible', 'preferred', 'example']
const isStrength = (text: string): text is BindingStrength => STRENGTHS.includes(text)

interface Binding {
  valueSet: string
  strength: BindingStrength
  type: string
  /** By system and code, the displays that were fine; an absent display is the empty text. */
  good: Map<string, Map<string, Set<string>>>
  kept: number
}

function oneBinding(binding: Binding): Check {
  const { type } = binding
  if (type === 'CodeableConcept') return (walk, value) => checkConcept(walk, binding, value as Json)
  if (type === 'Coding' || type === 'Quantity') return (walk, value) => checkCoding(walk, binding, value as Json)
  return (walk, value) => {
    if (typeof value === 'string' && !isGood(binding, '', value, '')) ask(walk, binding, [{ code: value }])
  }
}

function isGood({ good }: Binding, system: string, code: string, display: string): boolean {
  return good.get(system)?.get(code)?.has(display) === true
}

function checkConcept(walk: Walk, binding: Binding, concept: Json): void {
  const { coding } = concept
  if (!Array.isArray(coding) || coding.length === 0) {
    if (concept.extension === undefined) reportNoCode(walk, binding)
    return
  }
  const [only] = coding as unknown[]
  if (coding.length === 1 && isJson(only) && isKnownGood(binding, only)) return
  const codings = objectsOf(coding)
  if (binding.strength === 'required' && codings.every(({ code }) => code === undefined))
    return reportNoCode(walk, binding)
  ask(walk, binding, codings.map(asked))
}

function checkCoding(walk: Walk, binding: Binding, coding: Json): void {
  if (coding.code === undefined) {
    if (binding.type === 'Coding' && coding.extension === undefined && coding._code === undefined)
      reportNoCode(walk, binding)
    else if (binding.type === 'Quantity' && binding.strength === 'required') reportNoCode(walk, binding)
    return
  }
  if (!isKnownGood(binding, coding)) ask(walk, binding, [asked(coding)])
}

function isKnownGood(binding: Binding, { system, code, display, version }: Json): boolean {
  if (version !== undefined || typeof system !== 'string' || typeof code !== 'string') return false
  return isGood(binding, system, code, binding.type === 'Quantity' ? '' : display === undefined ? '' : textOf(display))
}

function asked({ system, version, code, display }: Json): CheckedCoding {
  const result: CheckedCoding = {}
  if (typeof system === 'string') result.system = system
  if (typeof version === 'string') result.version = version
  if (typeof code === 'string') result.code = code
  if (typeof display === 'string') result.display = display
  return result
}

function reportNoCode(walk: Walk, { strength, valueSet }: Binding): void {
  if (strength === 'required') walk.error('code-invalid', `A code of the value set ${valueSet} is required.`)
  else if (strength === 'extensible')
    walk.note('warning', 'code-invalid', `A code of the value set ${valueSet} should be given.`)
}

function ask(walk: Walk, binding: Binding, codings: CheckedCoding[]): void {
  const { terminology, wrongDisplay } = walk.settings
  if (terminology === undefined) return
  const isCode = binding.type !== 'Coding' && binding.type !== 'CodeableConcept' && binding.type !== 'Quantity'
  const check: CodeCheck = { valueSet: binding.valueSet, codings, systemImplied: isCode }
  const pending: PendingCheck = {
    check,
    strength: binding.strength,
    expression: '',
    type: binding.type,
    displaySeverity: wrongDisplay === 'ignore' ? 'information' : wrongDisplay,
  }
  const verdict = terminology.checkNow(check)
  if (verdict === undefined) {
    if (walk.trying === 0) walk.defer({ ...pending, expression: walk.path() })
    return
  }
  if (keepIfGood(binding, codings, verdict)) return
  for (const { severity, code, text, below } of findingsOf(pending, verdict))
    if (!(wrongDisplay === 'ignore' && below.endsWith('display'))) walk.note(severity, code, text, below)
}

/** True when there is nothing to say; then the next resource with this coding need not ask. */
function keepIfGood(binding: Binding, codings: readonly CheckedCoding[], verdict: CodeVerdict): boolean {
  if (verdict.inValueSet !== true && !(binding.strength === 'example' && verdict.inValueSet === false)) return false
  if (verdict.codings?.some(({ problem }) => problem !== undefined) === true) return false
  const [only] = codings
  if (codings.length !== 1 || only?.code === undefined || only.version !== undefined) return false
  if (binding.type !== 'code' && only.system === undefined && !CODE_LIKE.has(binding.type)) return false
  if (binding.kept++ >= KNOWN_GOOD_MAX) {
    binding.good.clear()
    binding.kept = 1
  }
  const system = only.system ?? ''
  let codes = binding.good.get(system)
  if (codes === undefined) binding.good.set(system, (codes = new Map<string, Set<string>>()))
  let displays = codes.get(only.code)
  if (displays === undefined) codes.set(only.code, (displays = new Set()))
  displays.add(binding.type === 'Quantity' ? '' : (only.display ?? ''))
  return true
}

const CODE_LIKE = new Set(['code', 'uri', 'url', 'canonical', 'string', 'markdown'])

import { compareValues } from './compare-values.ts'
import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { choiceOf } from './element-definition.ts'
import { checkPattern, REGEX } from './regex-check.ts'
import type { CheckedCoding, CodeVerdict } from './terminology-port.ts'
import type { Walk } from './walk.ts'

const EXTENSION = 'http://hl7.org/fhir/StructureDefinition/'
const SDC = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/'

/** JSON types (after `value`) that answers to each type of item may have. Spec: https://hl7.org/fhir/R4/valueset-item-type.html */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['Boolean'],
  decimal: ['Decimal'],
  integer: ['Integer'],
  date: ['Date'],
  dateTime: ['DateTime'],
  time: ['Time'],
  string: ['String'],
  text: ['String'],
  url: ['Uri'],
  attachment: ['Attachment'],
  reference: ['Reference'],
  quantity: ['Quantity'],
}

/** Checks one answer of a question. `path` is where it stands in the response. */
export function checkAnswer(walk: Walk, definition: Json, answer: Json, path: string): void {
  const value = choiceOf(answer, 'value')
  if (value === undefined) return
  const type = textOf(definition.type)
  const at = `${path}.value.ofType(${typeName(value.type)})`
  if (type === 'choice' || type === 'open-choice') return checkChoice(walk, definition, value, { path, at })
  const allowed = TYPES[type]
  if (allowed?.includes(value.type) === false)
    return walk.error('structure', `The questionnaire asks for the type ${allowed.join(' or ')} here.`, at)
  checkLimits(walk, definition, value.value, at)
  const { maxLength } = definition
  if (typeof maxLength === 'number' && typeof value.value === 'string' && value.value.length > maxLength)
    walk.error('too-long', `Longer than the ${maxLength} characters that the questionnaire allows.`, at)
  const regex = extensionValue(definition, REGEX)
  if (typeof regex === 'string' && typeof value.value === 'string') checkPattern(walk, regex, value.value, at)
  if (type === 'attachment') checkAttachment(walk, definition, value.value, path)
  if (type === 'quantity') checkUnit(walk, definition, value.value, at)
  const options = objectsOf(definition.answerOption)
  if (options.length > 0 && !options.some((option) => choiceOf(option, 'value')?.value === value.value))
    walk.error('code-invalid', 'The answer is none of those that the questionnaire allows.', at)
}

/** `Integer` and `DateTime` as types are called. */
const typeName = (suffix: string): string =>
  ['Coding', 'Quantity', 'Attachment', 'Reference'].includes(suffix)
    ? suffix
    : suffix.charAt(0).toLowerCase() + suffix.slice(1)

interface Places {
  /** The answer. */
  path: string
  /** Its value. */
  at: string
}

function checkChoice(
  walk: Walk,
  definition: Json,
  value: { type: string; value: unknown },
  { path, at }: Places,
): void {
  const open = definition.type === 'open-choice'
  const options = objectsOf(definition.answerOption)
  const valueSet = textOf(definition.answerValueSet)
  if (value.type === 'Coding' && isJson(value.value)) {
    if (options.length > 0) return checkOption(walk, options, value.value, { open, path })
    if (valueSet !== '') return checkMember(walk, valueSet, value.value, { open, path, at })
    return walk.note(
      'information',
      'informational',
      'The questionnaire lists no answers to check this one against.',
      path,
    )
  }
  if (open && value.type === 'String') return
  const matching = options.filter((option) => choiceOf(option, 'value')?.type === value.type)
  if (options.length === 0 && valueSet === '')
    return walk.note(
      'information',
      'informational',
      'The questionnaire lists no answers to check this one against.',
      path,
    )
  if (!matching.some((option) => choiceOf(option, 'value')?.value === value.value))
    walk.error('code-invalid', 'The answer is none of those that the questionnaire allows.', at)
}

function checkOption(
  walk: Walk,
  options: readonly Json[],
  coding: Json,
  { open, path }: { open: boolean; path: string },
): void {
  const fits = options.some(
    ({ valueCoding: one }) => isJson(one) && one.code === coding.code && one.system === coding.system,
  )
  if (!fits && !(open && coding.system === undefined))
    walk.error('code-invalid', 'The answer is none of those that the questionnaire allows.', path)
}

function checkMember(
  walk: Walk,
  valueSet: string,
  { system, code, display }: Json,
  { open, path, at }: Places & { open: boolean },
): void {
  const coding: CheckedCoding = {
    ...(typeof system === 'string' ? { system } : {}),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof display === 'string' ? { display } : {}),
  }
  const verdict = askNow(walk, { valueSet, coding, path: at })
  if (verdict === undefined) return
  const wrongDisplay = verdict.codings?.[0]?.problem === 'wrong-display'
  if (wrongDisplay) walk.error('code-invalid', 'This is not a display of the code.', `${at}.display`)
  if (verdict.inValueSet === 'unknown')
    return walk.note('warning', 'not-found', 'The value set of the questionnaire cannot be looked into here.', path)
  if (wrongDisplay || (!verdict.inValueSet && !(open && system === undefined)))
    walk.error('code-invalid', 'The code is not in the value set that the questionnaire names.', path)
}

/** The verdict if there is one at once, else a check left to the caller. A value set within the questionnaire has no canonical. */
function askNow(
  walk: Walk,
  { valueSet, coding, path }: { valueSet: string; coding: CheckedCoding; path: string },
): CodeVerdict | undefined {
  const { terminology, wrongDisplay } = walk.settings
  if (terminology === undefined || valueSet.startsWith('#')) return undefined
  const check = { valueSet, codings: [coding], systemImplied: false }
  const verdict = terminology.checkNow(check)
  if (verdict !== undefined) return verdict
  const displaySeverity = wrongDisplay === 'ignore' ? 'information' : wrongDisplay
  walk.defer({ check, strength: 'required', expression: `${walk.path()}.${path}`, type: 'Coding', displaySeverity })
  return undefined
}

/** What concerns all answers of a question together. Spec: http://hl7.org/fhir/extension-questionnaire-optionexclusive.html */
export function checkOptions(walk: Walk, definition: Json, answers: readonly Json[], path: string): void {
  if (answers.length < 2) return
  const exclusive = objectsOf(definition.answerOption).filter(
    (option) => extensionValue(option, `${EXTENSION}questionnaire-optionExclusive`) === true,
  )
  if (exclusive.length === 0) return
  for (const [place, { valueCoding }] of answers.entries()) {
    const chosen =
      isJson(valueCoding) &&
      exclusive.some(
        ({ valueCoding: one }) => isJson(one) && one.code === valueCoding.code && one.system === valueCoding.system,
      )
    if (chosen) walk.error('business-rule', 'This answer excludes all others.', `${path}.answer[${place}]`)
  }
}

function extensionValue(element: Json, url: string): unknown {
  const extension = objectsOf(element.extension).find((one) => one.url === url)
  return extension === undefined ? undefined : choiceOf(extension, 'value')?.value
}

function checkLimits(walk: Walk, definition: Json, value: unknown, at: string): void {
  const least =
    extensionValue(definition, `${EXTENSION}minValue`) ??
    extensionValue(definition, `${SDC}sdc-questionnaire-minQuantity`)
  const most =
    extensionValue(definition, `${EXTENSION}maxValue`) ??
    extensionValue(definition, `${SDC}sdc-questionnaire-maxQuantity`)
  const { now, units } = walk.settings
  for (const [limit, side] of [
    [least, -1],
    [most, 1],
  ] as const) {
    if (limit === undefined) continue
    const word = side < 0 ? 'least' : 'greatest'
    // Quantities without a formal unit may mean anything.
    const formal = !isJson(value) || !isJson(limit) || (value.code !== undefined && limit.code !== undefined)
    const order = formal ? compareValues(value, limit, { now, units }) : undefined
    if (order === undefined)
      walk.error('value', `The answer cannot be compared with the ${word} value that is allowed.`, at)
    else if (order * side > 0)
      walk.error('value', `The answer is beyond the ${word} value that the questionnaire allows.`, at)
  }
  const places = extensionValue(definition, `${EXTENSION}maxDecimalPlaces`)
  if (typeof places === 'number' && typeof value === 'number' && decimals(value) > places)
    walk.error('value', `At most ${places} decimal places are allowed.`, at)
}

const decimals = (value: number): number => {
  const text = String(value)
  return text.includes('e') || !text.includes('.') ? 0 : text.length - text.indexOf('.') - 1
}

function checkAttachment(walk: Walk, definition: Json, value: unknown, path: string): void {
  if (!isJson(value)) return
  const types = objectsOf(definition.extension).filter(({ url }) => url === `${EXTENSION}mimeType`)
  if (types.length > 0 && !types.some(({ valueCode }) => valueCode === value.contentType))
    walk.error('value', 'The content is not of a type that the questionnaire allows.', path)
  const max = extensionValue(definition, `${EXTENSION}maxSize`)
  const size =
    typeof value.size === 'number'
      ? value.size
      : typeof value.data === 'string'
        ? Math.floor((value.data.length * 3) / 4)
        : 0
  if (typeof max === 'number' && size > max)
    walk.error('too-long', `The attachment is larger than the ${max} bytes that are allowed.`, path)
}

function checkUnit(walk: Walk, definition: Json, value: unknown, at: string): void {
  if (!isJson(value)) return
  const { system, code } = value
  const options = objectsOf(definition.extension)
    .filter(({ url }) => url === `${EXTENSION}questionnaire-unitOption`)
    .map(({ valueCoding }) => valueCoding)
    .filter(isJson)
  if (options.length > 0 && !options.some((one) => one.code === code && one.system === system))
    walk.error('code-invalid', 'The unit is none of those that the questionnaire allows.', at)
  const valueSet = textOf(extensionValue(definition, `${EXTENSION}questionnaire-unitValueSet`))
  if (valueSet === '') return
  const coding = { ...(typeof system === 'string' ? { system } : {}), ...(typeof code === 'string' ? { code } : {}) }
  const verdict = code === undefined ? { inValueSet: false } : askNow(walk, { valueSet, coding, path: at })
  if (verdict?.inValueSet === false) walk.error('code-invalid', `The unit is not in the value set ${valueSet}.`, at)
}

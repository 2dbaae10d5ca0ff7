import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { isEnabled } from './enable-when.ts'
import { checkAnswer, checkOptions } from './questionnaire-answer.ts'
import type { Walk } from './walk.ts'

/** Items within items: the walk itself refuses deeper resources. */
const DEPTH_MAX = 50

/** What every level of a response needs. */
interface Form {
  walk: Walk
  response: Json
  /** Whether what is required must be there already. */
  complete: boolean
  /** Places of the items of the questionnaire by linkId, for those that stand in the wrong place. */
  known: ReadonlySet<string>
}

/** A response against its questionnaire. Spec: https://hl7.org/fhir/R4/questionnaireresponse.html#notes */
export function checkQuestionnaireResponse(walk: Walk, response: Json): void {
  const canonical = textOf(response.questionnaire)
  if (canonical === '') return
  const questionnaire = find(walk, canonical)
  if (questionnaire === undefined)
    return walk.note('warning', 'not-found', 'The questionnaire is not known here, so the answers were not checked.')
  checkPeriod(walk, response, questionnaire)
  const known = new Set<string>()
  collectLinks(questionnaire, known, 0)
  const complete = response.status !== 'in-progress'
  const form: Form = { walk, response, complete, known }
  checkItems(form, { definitions: objectsOf(questionnaire.item), items: objectsOf(response.item), path: '', depth: 0 })
}

function find(walk: Walk, canonical: string): Json | undefined {
  if (!canonical.startsWith('#')) return walk.settings.plans.profiles.source.find('Questionnaire', canonical)
  const contained = objectsOf(walk.place?.container.contained)
  return contained.find(({ id, resourceType }) => id === canonical.slice(1) && resourceType === 'Questionnaire')
}

/** A form is filled in while it is in force. Spec: https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.effectivePeriod */
function checkPeriod(walk: Walk, { authored }: Json, { effectivePeriod }: Json): void {
  if (typeof authored !== 'string' || !isJson(effectivePeriod)) return
  const { start, end } = effectivePeriod
  const isBefore = (one: string, other: string): boolean => {
    const length = Math.min(one.length, other.length, 10)
    return one.slice(0, length) < other.slice(0, length)
  }
  const note = (text: string): void => walk.note('warning', 'business-rule', text, 'authored')
  if (typeof start === 'string' && isBefore(authored, start)) note('The questionnaire was not yet in force then.')
  if (typeof end === 'string' && isBefore(end, authored)) note('The questionnaire was no longer in force then.')
}

function collectLinks(parent: Json, into: Set<string>, depth: number): void {
  if (depth > DEPTH_MAX) return
  for (const item of objectsOf(parent.item)) {
    into.add(textOf(item.linkId))
    collectLinks(item, into, depth + 1)
  }
}

interface Level {
  definitions: readonly Json[]
  items: readonly Json[]
  /** Of the object that holds the items: empty for the response, else with a dot at the end left out. */
  path: string
  depth: number
}

function checkItems(form: Form, { definitions, items, path, depth }: Level): void {
  if (depth > DEPTH_MAX) return
  const { walk } = form
  const places = new Map(definitions.map(({ linkId }, place) => [textOf(linkId), place]))
  const found = new Map<string, { item: Json; place: number }[]>()
  let last = -1
  for (const [place, item] of items.entries()) {
    const linkId = textOf(item.linkId)
    const at = places.get(linkId)
    if (at === undefined) {
      const text = form.known.has(linkId)
        ? 'An item is not where the questionnaire has it.'
        : 'The questionnaire has no item with this linkId.'
      walk.error('structure', text, path)
      continue
    }
    if (at < last)
      walk.error('structure', 'The items are not in the order of the questionnaire.', below(path, `item[${place}]`))
    last = Math.max(last, at)
    const list = found.get(linkId)
    if (list === undefined) found.set(linkId, [{ item, place }])
    else list.push({ item, place })
  }
  for (const definition of definitions)
    checkDefinition(form, definition, { found: found.get(textOf(definition.linkId)) ?? [], path, depth })
}

const below = (path: string, step: string): string => (path === '' ? step : `${path}.${step}`)

interface Found {
  found: readonly { item: Json; place: number }[]
  path: string
  depth: number
}

function checkDefinition(form: Form, definition: Json, { found, path, depth }: Found): void {
  const { walk } = form
  const enabled = isEnabled(definition, form.response)
  if (found.length === 0) {
    if (definition.required === true && enabled && form.complete && definition.type !== 'display')
      walk.error('required', 'An item that the questionnaire requires has no answer.', path)
    return
  }
  if (!enabled)
    walk.error(
      'business-rule',
      'An item is answered although the questionnaire does not enable it.',
      below(path, `item[${found[0]?.place}]`),
    )
  const repeats = definition.repeats === true
  if (found.length > 1 && (definition.type !== 'group' || !repeats))
    walk.error('structure', 'Only one item with this linkId is allowed.', below(path, `item[${found[1]?.place}]`))
  for (const { item, place } of found) checkItem(form, definition, { item, path: below(path, `item[${place}]`), depth })
}

interface Item {
  item: Json
  path: string
  depth: number
}

function checkItem(form: Form, definition: Json, { item, path, depth }: Item): void {
  const { walk } = form
  const answers = objectsOf(item.answer)
  if (item.text !== undefined && definition.text !== undefined && item.text !== definition.text)
    walk.note('information', 'informational', 'The text is not that of the questionnaire.', path)
  const definitions = objectsOf(definition.item)
  if (definition.type === 'group') {
    if (item.answer !== undefined) walk.error('structure', 'A group must not have answers.', path)
    return checkItems(form, { definitions, items: objectsOf(item.item), path, depth: depth + 1 })
  }
  if (definition.type === 'display') {
    if (item.answer !== undefined) walk.error('structure', 'A display item must not have answers.', path)
    return
  }
  if (item.item !== undefined) walk.error('structure', 'Items below a question stand in its answer.', path)
  if (answers.length === 0 && definition.required === true && form.complete)
    walk.error('required', 'An item that the questionnaire requires has no answer.', path)
  if (answers.length > 1 && definition.repeats !== true)
    walk.error('structure', 'The questionnaire allows only one answer here.', path)
  checkOptions(walk, definition, answers, path)
  for (const [place, answer] of answers.entries()) {
    const at = `${path}.answer[${place}]`
    checkAnswer(walk, definition, answer, at)
    if (definitions.length > 0 || answer.item !== undefined)
      checkItems(form, { definitions, items: objectsOf(answer.item), path: at, depth: depth + 1 })
  }
}

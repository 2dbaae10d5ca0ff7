import { compareValues } from './compare-values.ts'
import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { choiceOf } from './element-definition.ts'
import { contains } from './fixed-values.ts'

/** Conditions of one item; the specification sets no limit, forms have a few. */
const CONDITIONS_MAX = 100
const DEPTH_MAX = 50

/** Whether the answers so far enable an item. Spec: https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen */
export function isEnabled(definition: Json, response: Json): boolean {
  const conditions = objectsOf(definition.enableWhen).slice(0, CONDITIONS_MAX)
  if (conditions.length === 0) return true
  const met = (condition: Json): boolean => isMet(condition, answersOf(response, textOf(condition.question)))
  return definition.enableBehavior === 'any' ? conditions.some(met) : conditions.every(met)
}

function isMet(condition: Json, answers: readonly unknown[]): boolean {
  const wanted = choiceOf(condition, 'answer')?.value
  const { operator } = condition
  if (operator === 'exists') return answers.length > 0 === (wanted === true)
  if (operator === '!=') return answers.length > 0 && !answers.some((answer) => isEqual(answer, wanted))
  return answers.some((answer) => {
    if (operator === '=') return isEqual(answer, wanted)
    const order = compareValues(answer, wanted, {})
    if (order === undefined) return false
    if (operator === '>') return order > 0
    if (operator === '<') return order < 0
    return operator === '>=' ? order >= 0 : operator === '<=' && order <= 0
  })
}

/** Codings are equal by system and code, whatever their display. */
function isEqual(answer: unknown, wanted: unknown): boolean {
  if (!isJson(wanted) || !isJson(answer)) return answer === wanted
  if (wanted.code !== undefined)
    return answer.code === wanted.code && (wanted.system === undefined || answer.system === wanted.system)
  return contains(answer, wanted)
}

/** Values of all answers to a question, wherever in the response it stands. */
function answersOf(parent: Json, linkId: string, depth = 0): unknown[] {
  if (depth > DEPTH_MAX) return []
  return objectsOf(parent.item).flatMap((item) => {
    const answers = objectsOf(item.answer)
    const own =
      item.linkId === linkId
        ? answers.map((answer) => choiceOf(answer, 'value')?.value).filter((one) => one !== undefined)
        : []
    return [
      ...own,
      ...answersOf(item, linkId, depth + 1),
      ...answers.flatMap((answer) => answersOf(answer, linkId, depth + 1)),
    ]
  })
}

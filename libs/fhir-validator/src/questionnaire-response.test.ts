import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsOf, validated } from '../../../test/fixtures/validation.ts'
import type { Definition } from './index.ts'

const URL = 'http://example.test/Questionnaire/q'
const EXTENSION = 'http://hl7.org/fhir/StructureDefinition/'

const form = (...item: object[]): Definition => ({ resourceType: 'Questionnaire', url: URL, status: 'active', item })
const response = (item: object[], status = 'completed') => ({
  resourceType: 'QuestionnaireResponse',
  questionnaire: URL,
  status,
  item,
})
const errors = (definition: Definition, item: object[], status?: string): string[] =>
  errorsOf(response(item, status), [definition], { profiles: [] })
const answered = (linkId: string, ...answer: object[]) => ({ linkId, answer })

test('items must be those of the questionnaire, in its order and number', () => {
  const own = form({ linkId: 'a', type: 'string' }, { linkId: 'b', type: 'string', repeats: true })
  const [a, b] = [answered('a', { valueString: 'x' }), answered('b', { valueString: 'x' }, { valueString: 'y' })]
  assert.deepEqual(errors(own, [a, b]), [])
  assert.match(
    errors(own, [answered('c', { valueString: 'x' })])[0] ?? '',
    /^QuestionnaireResponse: .*no item with this linkId/,
  )
  assert.match(errors(own, [b, a])[0] ?? '', /item\[1\]: The items are not in the order/)
  assert.match(errors(own, [a, a])[0] ?? '', /item\[1\]: Only one item/)
  assert.match(
    errors(own, [answered('a', { valueString: 'x' }, { valueString: 'y' })])[0] ?? '',
    /item\[0\]: .*only one answer/,
  )
})

test('what is required must be there when the response is complete', () => {
  const own = form({ linkId: 'g', type: 'group', item: [{ linkId: 'a', type: 'string', required: true }] })
  const group = [{ linkId: 'g' }]
  assert.deepEqual(errors(own, group), [
    'QuestionnaireResponse.item[0]: An item that the questionnaire requires has no answer.',
  ])
  assert.deepEqual(errors(own, group, 'in-progress'), [])
})

test('answers have the type, the limits and the options of their question', () => {
  const own = form(
    {
      linkId: 'i',
      type: 'integer',
      extension: [
        { url: `${EXTENSION}minValue`, valueInteger: 2 },
        { url: `${EXTENSION}maxValue`, valueInteger: 3 },
      ],
    },
    { linkId: 's', type: 'string', maxLength: 3, extension: [{ url: `${EXTENSION}regex`, valueString: '[a-z]+' }] },
    { linkId: 'c', type: 'choice', answerOption: [{ valueCoding: { system: 'http://x.test', code: 'a' } }] },
    { linkId: 'd', type: 'date', answerOption: [{ valueDate: '2024-01-01' }] },
    { linkId: 'x', type: 'display', text: 'x' },
  )
  const good = [
    answered('i', { valueInteger: 2 }),
    answered('s', { valueString: 'abc' }),
    answered('c', { valueCoding: { system: 'http://x.test', code: 'a', display: 'A' } }),
    answered('d', { valueDate: '2024-01-01' }),
  ]
  assert.deepEqual(errors(own, good), [])
  const bad: [object, string][] = [
    [answered('i', { valueInteger: 1 }), 'item[0].answer[0].value.ofType(integer)'],
    [answered('i', { valueInteger: 4 }), 'item[0].answer[0].value.ofType(integer)'],
    [answered('i', { valueString: 'x' }), 'item[0].answer[0].value.ofType(string)'],
    [answered('s', { valueString: 'abcd' }), 'item[0].answer[0].value.ofType(string)'],
    [answered('s', { valueString: 'A' }), 'item[0].answer[0].value.ofType(string)'],
    [answered('c', { valueCoding: { system: 'http://x.test', code: 'b' } }), 'item[0].answer[0]'],
    [answered('d', { valueDate: '2024-01-02' }), 'item[0].answer[0].value.ofType(date)'],
    [answered('x', { valueString: 'x' }), 'item[0]'],
  ]
  for (const [item, place] of bad)
    assert.deepEqual(
      errors(own, [item]).map((text) => text.split(': ')[0]),
      [`QuestionnaireResponse.${place}`],
    )
})

test('what is not enabled must not be answered, nor is it required', () => {
  const enableWhen = [{ question: 'a', operator: '=', answerBoolean: true }]
  const own = form({ linkId: 'a', type: 'boolean' }, { linkId: 'b', type: 'string', required: true, enableWhen })
  const [yes, no] = [answered('a', { valueBoolean: true }), answered('a', { valueBoolean: false })]
  assert.deepEqual(errors(own, [no]), [])
  assert.match(errors(own, [yes])[0] ?? '', /requires has no answer/)
  assert.deepEqual(errors(own, [yes, answered('b', { valueString: 'x' })]), [])
  assert.match(errors(own, [no, answered('b', { valueString: 'x' })])[0] ?? '', /item\[1\]: .*does not enable/)
})

test('items below a question stand in its answer', () => {
  const own = form({ linkId: 'a', type: 'string', item: [{ linkId: 'b', type: 'string' }] })
  const below = answered('b', { valueString: 'y' })
  assert.deepEqual(errors(own, [answered('a', { valueString: 'x', item: [below] })]), [])
  assert.equal(errors(own, [{ linkId: 'a', answer: [{ valueString: 'x' }], item: [below] }]).length > 0, true)
})

test('a response whose questionnaire is not known says so', () => {
  const { issues } = validated(response([]), [], { profiles: [] })
  assert.ok(issues.some(({ severity, code }) => severity === 'warning' && code === 'not-found'))
})

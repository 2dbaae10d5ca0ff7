import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileCustomParameter, UnusableParameter } from './custom-parameter.ts'

const parameter = (elements: object): object => ({
  resourceType: 'SearchParameter',
  url: 'http://example.org/SearchParameter/x',
  code: 'x',
  base: ['Patient'],
  type: 'token',
  expression: 'Patient.gender',
  ...elements,
})
const values = (elements: object, resource: object): unknown =>
  compileCustomParameter(parameter(elements), 20_000)[0]?.extract(resource)

test('a path over an extension finds the value, whichever type it has', () => {
  const expression = "Patient.extension.where(url = 'http://example.org/tribe').value"
  const extension = [
    { url: 'http://example.org/tribe', valueCoding: { system: 's', code: 'c' } },
    { url: 'other', valueCode: 'd' },
  ]
  assert.deepEqual(values({ expression }, { resourceType: 'Patient', extension }), [
    { kind: 'token', system: 's', code: 'c' },
  ])
  assert.deepEqual(values({ expression }, { resourceType: 'Patient' }), [])
})

test('an expression beyond plain paths is evaluated', () => {
  const expression = "Observation.component.where(code.coding.exists(code = '8480-6')).value.ofType(Quantity)"
  const component = [
    { code: { coding: [{ code: '8480-6' }] }, valueQuantity: { value: 120, code: 'mm[Hg]' } },
    { code: { coding: [{ code: '8462-4' }] }, valueQuantity: { value: 80 } },
  ]
  assert.deepEqual(
    values({ base: ['Observation'], type: 'quantity', expression }, { resourceType: 'Observation', component }),
    [{ kind: 'quantity', value: 120, lo: 119.5, hi: 120.5, code: 'mm[Hg]' }],
  )
  const joined = values(
    { type: 'string', expression: "Patient.name.select(given.first() & ' ' & family)" },
    { resourceType: 'Patient', name: [{ family: 'Roe', given: ['Ana', 'B'] }] },
  )
  assert.deepEqual(joined, [{ kind: 'string', value: 'Ana Roe' }])
})

test('one definition serves each of its base types', () => {
  const compiled = compileCustomParameter(
    parameter({
      base: ['Condition', 'Procedure'],
      type: 'reference',
      expression: 'Condition.encounter | Procedure.encounter',
      target: ['Encounter'],
    }),
    20_001,
  )
  assert.deepEqual(
    compiled.map(({ def }) => [def.base, def.id, def.targets]),
    [
      ['Condition', 20_001, ['Encounter']],
      ['Procedure', 20_001, ['Encounter']],
    ],
  )
  const [, procedure] = compiled
  assert.equal(procedure?.extract({ resourceType: 'Procedure', encounter: { reference: 'Encounter/1' } }).length, 1)
})

test('an evaluation that fails or grows without bound leaves the resource without a value', () => {
  const many = { resourceType: 'Patient', name: Array.from({ length: 300 }, (_, n) => ({ given: [`g${n}`] })) }
  const expression = 'Patient.name.where(%context.name.given.where(%context.name.given.exists()).exists()).given'
  assert.deepEqual(values({ type: 'string', expression }, many), [])
  assert.deepEqual(values({ type: 'string', expression: 'Patient.name.single().given' }, many), [])
})

test('what cannot be indexed is refused at its element, without its text', () => {
  const refused = (elements: object): string => {
    try {
      compileCustomParameter(parameter(elements), 20_000)
    } catch (error) {
      assert.ok(error instanceof UnusableParameter)
      assert.ok(!error.message.includes('secret'))
      return error.element
    }
    return 'accepted'
  }
  assert.equal(refused({ code: 'secret code' }), 'SearchParameter.code')
  assert.equal(refused({ type: 'special' }), 'SearchParameter.type')
  assert.equal(refused({ expression: undefined }), 'SearchParameter.expression')
  assert.equal(refused({ expression: 'Patient.secret(' }), 'SearchParameter.expression')
  assert.equal(refused({ expression: 'Patient.secret' }), 'SearchParameter.expression')
  assert.equal(refused({ type: 'quantity' }), 'SearchParameter.expression')
  assert.equal(refused({ base: ['Resource'] }), 'SearchParameter.base')
  assert.equal(refused({ base: [] }), 'SearchParameter.base')
  assert.equal(refused({ type: 'composite' }), 'SearchParameter.component')
  assert.equal(refused({ expression: `Patient.name.where(${'('.repeat(10_000)}` }), 'SearchParameter.expression')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyFhirPathPatch } from './patch.ts'
import { FhirPathPatchError } from './patch-error.ts'
import { PATCH_OPERATIONS_MAX } from './patch-operation.ts'
import { r4Subset } from './r4-subset.fixture.ts'

type Part = Record<string, unknown>
const code = (name: string, valueCode: string): Part => ({ name, valueCode })
const text = (name: string, valueString: string): Part => ({ name, valueString })
const number = (name: string, valueInteger: number): Part => ({ name, valueInteger })
const value = (content: Part): Part => ({ name: 'value', ...content })

function patch(...operations: Part[][]) {
  return { resourceType: 'Parameters', parameter: operations.map((part) => ({ name: 'operation', part })) }
}
const operation = (type: string, path: string, ...parts: Part[]) => [code('type', type), text('path', path), ...parts]

const base = {
  resourceType: 'Patient',
  name: [
    { use: 'official', family: 'Chalmers', given: ['Peter', 'James'] },
    { use: 'usual', given: ['Jim'] },
  ],
  identifier: [
    { system: 'a', value: '1' },
    { system: 'b', value: '2' },
  ],
  birthDate: '1974-12-25',
  deceasedBoolean: false,
}

function applied(...operations: Part[][]): Record<string, unknown> {
  const before = JSON.stringify(base)
  const result = applyFhirPathPatch(base as Record<string, unknown>, patch(...operations), { model: r4Subset })
  assert.equal(JSON.stringify(base), before, 'the input is not changed')
  return result
}

function refusal(parameters: unknown, model = true): FhirPathPatchError {
  try {
    applyFhirPathPatch(base, parameters, model ? { model: r4Subset } : {})
  } catch (error) {
    assert.ok(error instanceof FhirPathPatchError, String(error))
    assert.ok(!/Chalmers|Peter|1974/.test(error.message), 'a message holds no data')
    return error
  }
  return assert.fail('nothing was refused')
}

test('elements are chosen by where, first, last, ofType and extension', () => {
  const result = applied(
    operation('replace', "Patient.name.where(use = 'usual').given[0]", value({ valueString: 'Jimmy' })),
    operation('replace', 'Patient.name.first().family', value({ valueString: 'C.' })),
    operation('delete', 'Patient.identifier.last()'),
    operation(
      'add',
      'Patient.name[1]',
      text('name', 'extension'),
      value({ valueExtension: { url: 'u', valueCode: 'x' } }),
    ),
    operation('replace', "Patient.name[1].extension('u').value", value({ valueString: 'y' })),
  )
  assert.deepEqual(result.name, [
    { use: 'official', family: 'C.', given: ['Peter', 'James'] },
    { use: 'usual', given: ['Jimmy'], extension: [{ url: 'u', valueString: 'y' }] },
  ])
  assert.deepEqual(result.identifier, [{ system: 'a', value: '1' }])
})

test('a choice element changes its key with the type of its value', () => {
  const replaced = applied(operation('replace', 'Patient.deceased', value({ valueDateTime: '2020-01-01' })))
  assert.equal(replaced.deceasedDateTime, '2020-01-01')
  assert.ok(!('deceasedBoolean' in replaced))
  const added = applied(operation('add', 'Patient', text('name', 'multipleBirth'), value({ valueInteger: 2 })))
  assert.equal(added.multipleBirthInteger, 2)
  const wrong = operation('add', 'Patient', text('name', 'multipleBirth'), value({ valueString: 'x' }))
  assert.equal(refusal(patch(wrong)).code, 'bad-value')
})

test('primitives keep the positions of their extensions', () => {
  const patient = {
    resourceType: 'Patient',
    name: [{ given: ['A', 'B', 'C'], _given: [null, { id: 'b' }, null] }],
    birthDate: '1974',
    _birthDate: { extension: [{ url: 'u', valueString: 'v' }] },
  }
  const result = applyFhirPathPatch(
    patient,
    patch(
      operation('insert', 'Patient.name[0].given', number('index', 0), value({ valueString: 'Z' })),
      operation('move', 'Patient.name[0].given', number('source', 2), number('destination', 0)),
      operation('delete', 'Patient.name[0].given[3]'),
      operation('delete', "Patient.birthDate.extension('u')"),
    ),
    { model: r4Subset },
  )
  assert.deepEqual(result.name, [{ given: ['B', 'Z', 'A'], _given: [{ id: 'b' }, null, null] }])
  assert.equal(result.birthDate, '1974')
  assert.ok(!('_birthDate' in result))
  const extended = applied(
    operation('add', 'Patient.birthDate', text('name', 'extension'), value({ valueExtension: { url: 'u' } })),
  )
  assert.deepEqual(extended._birthDate, { extension: [{ url: 'u' }] })
  assert.equal(extended.birthDate, '1974-12-25')
})

test('a list begins as a list, and an object that became empty does not stay', () => {
  const phone = { system: 'phone', value: '1' }
  const contact = value({ part: [{ name: 'telecom', valueContactPoint: phone }, code('gender', 'male')] })
  const added = applied(operation('add', 'Patient', text('name', 'contact'), contact))
  assert.deepEqual(added.contact, [{ telecom: [phone], gender: 'male' }])
  const emptied = applied(
    operation('delete', 'Patient.name[1].use'),
    operation('delete', 'Patient.name[1].given[0]'),
    operation('delete', 'Patient.identifier[0]'),
    operation('delete', 'Patient.identifier[0]'),
  )
  assert.deepEqual(emptied.name, [base.name[0]])
  assert.ok(!('identifier' in emptied))
})

test('deleting what is not there is no error, deleting several is one', () => {
  assert.deepEqual(applied(operation('delete', 'Patient.maritalStatus')), base)
  assert.equal(refusal(patch(operation('delete', 'Patient.identifier'))).code, 'path-not-single')
})

test('what does not fit is named by a code', () => {
  const string = value({ valueString: 'Chalmers' })
  const cases: [string, Part[]][] = [
    ['path-not-found', operation('replace', 'Patient.maritalStatus', string)],
    ['path-not-found', operation('replace', "Patient.name.where(family = 'Peter')", string)],
    ['path-not-single', operation('replace', 'Patient.name.given', string)],
    ['already-exists', operation('add', 'Patient', text('name', 'birthDate'), value({ valueDate: '2000' }))],
    ['bad-index', operation('insert', 'Patient.identifier', number('index', 3), value({ valueIdentifier: {} }))],
    ['bad-index', operation('move', 'Patient.identifier', number('source', 0), number('destination', 2))],
    ['bad-index', operation('move', 'Patient.identifier', number('source', -1), number('destination', 0))],
    ['bad-path', operation('replace', 'Patient', string)],
    ['bad-path', operation('delete', 'Patient')],
    ['bad-path', operation('delete', 'Patient.name.count()')],
    ['bad-path', operation('delete', "Patient.name.where('")],
    ['bad-path', operation('delete', 'Patient.name | Patient.birthDate')],
    ['bad-path', operation('insert', 'Patient.name.first()', number('index', 0), string)],
    ['bad-path', operation('insert', 'Patient.gender', number('index', 0), value({ valueCode: 'male' }))],
    ['bad-operation', operation('test', 'Patient.birthDate')],
    ['bad-operation', operation('replace', 'Patient.birthDate').slice(0, 1)],
    ['bad-operation', operation('add', 'Patient', text('name', 'active'))],
    ['bad-operation', [...operation('delete', 'Patient.birthDate'), code('type', 'add')]],
    ['bad-value', operation('replace', 'Patient.birthDate', value({ valueString: 'a', valueCode: 'b' }))],
    ['bad-value', operation('replace', 'Patient.birthDate', value({}))],
    ['forbidden-name', operation('add', 'Patient', text('name', 'resourceType'), string)],
    ['forbidden-name', operation('add', 'Patient', text('name', 'nope'), string)],
  ]
  for (const [wanted, parts] of cases) {
    const error = refusal(patch(operation('delete', 'Patient.link'), parts))
    assert.deepEqual([error.code, error.operation], [wanted, 1], JSON.stringify(parts))
  }
  assert.equal(refusal({ resourceType: 'Bundle' }).code, 'bad-parameters')
  const many = patch(...Array.from({ length: PATCH_OPERATIONS_MAX + 1 }, () => operation('delete', 'Patient.link')))
  assert.equal(refusal(many).code, 'bad-parameters')
})

test('no name reaches the prototype of objects', () => {
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const add = operation('add', 'Patient', text('name', name), value({ valueString: 'x' }))
    for (const model of [true, false]) assert.equal(refusal(patch(add), model).code, 'forbidden-name')
    const part = operation('add', 'Patient', text('name', 'contact'), value({ part: [{ name, valueString: 'x' }] }))
    assert.equal(refusal(patch(part)).code, 'forbidden-name')
    const content = JSON.parse(`{"text":"x","${name}":{"polluted":true}}`)
    const hidden = operation('add', 'Patient', text('name', 'name'), value({ valueHumanName: content }))
    assert.equal(refusal(patch(hidden)).code, 'forbidden-name')
    const path = operation('replace', `Patient.\`${name}\`.polluted`, value({ valueString: 'x' }))
    assert.equal(refusal(patch(path), false).code, 'path-not-found')
  }
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
})

test('the result shares no object with the patch', () => {
  const identifier = { system: 'c', value: '3' }
  const add = operation('add', 'Patient', text('name', 'identifier'), value({ valueIdentifier: identifier }))
  const result = applied(add, operation('replace', 'Patient.identifier[2].value', value({ valueString: '4' })))
  assert.deepEqual(identifier, { system: 'c', value: '3' })
  assert.equal((result.identifier as { value: string }[])[2]?.value, '4')
})

test('a path that works too much ends with a limit', () => {
  const parts = operation('delete', "Patient.name.where(family.matches('^(a+)+$').not())")
  const patient = { resourceType: 'Patient', name: [{ family: `${'a'.repeat(60)}!` }] }
  assert.throws(
    () => applyFhirPathPatch(patient, patch(parts), { model: r4Subset, steps: 1_000 }),
    (error) => error instanceof FhirPathPatchError && error.code === 'limit',
  )
})

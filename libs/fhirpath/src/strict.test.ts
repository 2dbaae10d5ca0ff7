import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from './compile.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { patientExample } from './patient.fixture.ts'
import { r4Subset } from './r4-subset.fixture.ts'

const strict = (expression: string, type = 'Patient') => compile(expression, { model: r4Subset, strict: true, type })

function refusal(action: () => unknown): [code: string, position: number] {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof FhirPathError)
    return [error.code, error.position]
  }
  return assert.fail('nothing was refused')
}

test('strictly, what types say can never be is refused before there is data', () => {
  const cases: [string, string, number][] = [
    ['name.given1', 'Patient', 5],
    ['Observation.status', 'Patient', 0],
    ['Observation.valueQuantity.unit', 'Observation', 12],
    ['(Observation.value as Period).unit', 'Observation', 30],
    ['name.where(given1.exists())', 'Patient', 11],
    ["name.startsWith('P')", 'Patient', 5],
    ['children().skip(1)', 'Patient', 11],
    ['descendants().where(true)[0]', 'Patient', 25],
    ["iif('text', 1, 2)", 'Patient', 0],
    ['(name | contact.name).nothing', 'Patient', 22],
    ['name.is()', 'Patient', 5],
  ]
  for (const [expression, type, position] of cases) {
    assert.deepEqual(
      refusal(() => strict(expression, type)),
      ['semantic', position],
      expression,
    )
    if (!/^iif|is\(\)/.test(expression)) assert.ok(compile(expression, { model: r4Subset }), 'by default it is empty')
  }
})

test('strictly, what types allow or do not know is accepted', () => {
  for (const expression of [
    'name.given.first()',
    'Resource.id | DomainResource.text.status',
    'contained.anything',
    '%resource.whatever',
    'descendants().where(url = 1).value',
    'managingOrganization.resolve().name',
    "name.select(given | family).first().startsWith('P')",
    'children().count()',
    'extension.value.unit',
    'type().name',
  ]) {
    assert.ok(strict(expression), expression)
  }
  assert.ok(strict('anything', ''), 'without a type nothing is known')
  assert.ok(strict('anything.more', 'Unheard1'), 'nor of a type the model does not have')
})

test('strictly, `as` takes a single item; leniently it filters', () => {
  const lenient = compile('name.as(HumanName).use', { model: r4Subset })
  assert.deepEqual(lenient(patientExample), ['official', 'usual', 'maiden'])
  assert.equal(refusal(() => strict('name.as(HumanName).use')(patientExample))[0], 'execution')
  assert.equal(refusal(() => strict('(name as HumanName).use')(patientExample))[0], 'execution')
  assert.deepEqual(strict('name.first().as(HumanName).use')(patientExample), ['official'])
})

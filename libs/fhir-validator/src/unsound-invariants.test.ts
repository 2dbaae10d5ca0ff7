import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionsWith } from '../../../test/fixtures/definitions.ts'
import { errorsOf, profile, validated } from '../../../test/fixtures/validation.ts'
import { createValidator } from './index.ts'

const PATIENT = { resourceType: 'Patient', name: [{ family: 'Secretname' }, { family: 'Other' }] }

const withInvariant = (expression: string, severity = 'error') =>
  profile('odd', 'Patient', [
    { path: 'Patient', constraint: [{ key: 'odd-1', severity, human: 'It is odd.', expression }] },
  ])

test('an invariant that cannot be parsed or evaluated is not met, and says where; a warning stays one', () => {
  const cases: [string, RegExp][] = [
    ['name.exists( and', /^Patient: odd-1 could not be evaluated: FHIRPath syntax error at position 13: /],
    ['nothing.like() = this()', /^Patient: odd-1 could not be evaluated: FHIRPath semantic error at position /],
    ['name.family.single() = 1', /^Patient: odd-1 could not be evaluated: FHIRPath execution error at position /],
  ]
  for (const [expression, text] of cases) {
    const errors = errorsOf(PATIENT, [withInvariant(expression)])
    assert.equal(errors.length, 1, expression)
    assert.match(errors[0] as string, text)
    assert.doesNotMatch(errors.join(), /Secretname/)
    const { issues } = validated(PATIENT, [withInvariant(expression, 'warning')])
    assert.deepEqual(
      issues.map(({ severity, code }) => [severity, code]),
      [['warning', 'processing']],
    )
  }
  assert.deepEqual(errorsOf(PATIENT, [withInvariant('name.exists()')]), [])
})

test('what does not conform to a profile that cannot be evaluated is no target of a reference either', () => {
  const odd = withInvariant('name.exists( and')
  const owned = profile('owned', 'Basic', [
    { path: 'Basic' },
    { path: 'Basic.subject', type: [{ code: 'Reference', targetProfile: [odd.url] }] },
  ])
  const basic = { resourceType: 'Basic', code: { text: 'x' }, subject: { reference: 'Patient/a' } }
  const errors = errorsOf(basic, [owned, odd], { resolve: () => PATIENT })
  assert.equal(errors.length, 1)
  assert.ok(errors[0]?.startsWith('Basic.subject'))
})

test('validating a StructureDefinition tells which invariant is no FHIRPath, once', () => {
  const check = (expression: string): string[] => {
    const element = withInvariant(expression).differential
    const odd = { ...withInvariant(expression), snapshot: element, fhirVersion: '4.0.1' }
    const { issues } = createValidator({ definitions: definitionsWith([]) }).validate(odd, { bestPractice: 'ignore' })
    return issues
      .filter(({ code }) => code === 'processing')
      .map(({ severity, expression: at, text }) => `${severity} ${at}: ${text}`)
  }
  const at = 'StructureDefinition.differential.element[0].constraint[0].expression'
  const [only, ...more] = check('name.exists( and')
  assert.deepEqual(more, [])
  assert.ok(only?.startsWith(`error ${at}: odd-1 cannot be evaluated: FHIRPath syntax error at position 13: `), only)
  assert.match(check('name.nowhere()').join(), /^warning [^:]+: odd-1 cannot be evaluated: FHIRPath semantic error/)
  assert.deepEqual(check('name.exists()'), [])
  assert.deepEqual(check('htmlChecks()'), [])
})

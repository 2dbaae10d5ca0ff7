import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '#kernel'
import { intersectScopes, parseRegisteredScope, parseScope } from './scope.ts'

test('a v2 scope allows its letters on its type and nothing else', () => {
  const scopes = parseScope('system/Observation.rs')
  assert.equal(scopes.allows('Observation', 'r'), true)
  assert.equal(scopes.allows('Observation', 's'), true)
  assert.equal(scopes.allows('Observation', 'c'), false)
  assert.equal(scopes.allows('Observation', 'u'), false)
  assert.equal(scopes.allows('Observation', 'd'), false)
  assert.equal(scopes.allows('Patient', 'r'), false)
})

test('a wildcard and a type add up', () => {
  const scopes = parseScope('system/Patient.cu system/*.rs')
  assert.equal(scopes.text, 'system/*.rs system/Patient.crus')
  assert.equal(scopes.allows('Patient', 'c'), true)
  assert.equal(scopes.allows('Encounter', 's'), true)
  assert.equal(scopes.allows('Encounter', 'c'), false)
})

test('v1 forms mean their v2 letters', () => {
  assert.equal(parseScope('system/*.read').text, 'system/*.rs')
  assert.equal(parseScope('system/Patient.write').text, 'system/Patient.cud')
  assert.equal(parseScope('system/*.*').text, 'system/*.cruds')
  assert.equal(parseScope('system/*.read system/Patient.write').text, 'system/*.rs system/Patient.cruds')
})

test('what is not a plain system scope grants nothing', () => {
  for (const text of [
    '',
    'openid',
    'user/*.cruds',
    'patient/*.cruds',
    'system/*',
    'system/*.',
    'system/*.sr',
    'system/*.readwrite',
    'system/*.crudsx',
    'system/patient.r',
    'system/Patient/1.r',
    'SYSTEM/*.r',
    'system/Observation.rs?category=laboratory',
    'system/*.r\nsystem/*.c',
    'system/constructor.r',
    'system/__proto__.r',
  ])
    assert.equal(parseScope(text).text, '', text)
})

test('a type named like an object member has no rights', () => {
  const scopes = parseScope('system/Patient.r')
  assert.equal(scopes.allows('constructor', 'r'), false)
  assert.equal(scopes.allows('toString', 'r'), false)
})

test('the intersection is never more than either side', () => {
  assert.equal(intersectScopes('system/*.rs', 'system/Patient.cruds').text, 'system/Patient.rs')
  assert.equal(intersectScopes('system/Patient.cruds', 'system/*.rs').text, 'system/Patient.rs')
  assert.equal(intersectScopes('system/*.cruds', 'system/*.cruds').text, 'system/*.cruds')
  assert.equal(
    intersectScopes('system/*.r system/Patient.c', 'system/*.r system/Patient.cruds').text,
    'system/*.r system/Patient.cr',
  )
  assert.equal(intersectScopes('system/Patient.c', 'system/Observation.c').text, '')
  assert.equal(intersectScopes('system/Patient.c', 'system/Patient.r').text, '')
  assert.equal(intersectScopes('openid', 'system/*.cruds').text, '')
})

test('a registration with a scope that can never be granted is refused', () => {
  for (const text of ['', 'openid', 'system/*.rs user/*.rs', `system/*.rs ${'system/Patient.r '.repeat(200)}`])
    assert.throws(
      () => parseRegisteredScope(text),
      (error) => error instanceof FaultError && error.fault.code === 'identity.scope-invalid',
      text,
    )
  assert.equal(parseRegisteredScope('system/*.cruds').text, 'system/*.cruds')
})

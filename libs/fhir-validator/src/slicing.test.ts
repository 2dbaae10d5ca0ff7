import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsOf, profile } from '../../../test/fixtures/validation.ts'

const identifiers = (slicing: object, ...slices: object[]) =>
  profile('sliced', 'Patient', [{ path: 'Patient.identifier', slicing }, ...slices])
const BY_SYSTEM = { discriminator: [{ type: 'value', path: 'system' }], rules: 'open' }
const A = [
  { path: 'Patient.identifier', sliceName: 'a', min: 1, max: '1' },
  { path: 'Patient.identifier.system', fixedUri: 'http://example.test/a' },
]
const B = [
  { path: 'Patient.identifier', sliceName: 'b', min: 0, max: '*' },
  { path: 'Patient.identifier.system', fixedUri: 'http://example.test/b' },
  { path: 'Patient.identifier.value', min: 1 },
]
const identifier = (name: string, more: object = {}) => ({ system: `http://example.test/${name}`, value: 'x', ...more })
const patient = (...list: object[]) => ({ resourceType: 'Patient', identifier: list })

test('slices count what matches them', () => {
  const own = identifiers(BY_SYSTEM, ...A, ...B)
  assert.deepEqual(errorsOf(patient(identifier('a'), identifier('z')), [own]), [])
  assert.match(errorsOf(patient(identifier('z')), [own])[0] ?? '', /^Patient: Slice Patient.identifier:a: at least 1/)
  assert.match(errorsOf(patient(identifier('a'), identifier('a')), [own])[0] ?? '', /a: at most 1 allowed, but 2/)
  assert.match(errorsOf({ resourceType: 'Patient' }, [own])[0] ?? '', /Slice Patient.identifier:a: at least 1/)
})

test('a slice has constraints of its own, which others need not fulfil', () => {
  const own = identifiers(BY_SYSTEM, ...A, ...B)
  const without = { system: 'http://example.test/b' }
  assert.deepEqual(errorsOf(patient(identifier('a'), without), [own]), [
    'Patient.identifier[1]: value: at least 1 required, but 0 found (slice b of http://example.test/StructureDefinition/sliced).',
  ])
  assert.deepEqual(errorsOf(patient({ system: 'http://example.test/a' }), [own]), [])
})

test('closed, ordered and open at the end', () => {
  const closed = identifiers({ ...BY_SYSTEM, rules: 'closed' }, ...A)
  assert.match(
    errorsOf(patient(identifier('a'), identifier('z')), [closed])[0] ?? '',
    /^Patient.identifier\[1\]: It matches no slice/,
  )
  const ordered = identifiers({ ...BY_SYSTEM, ordered: true }, ...A, ...B)
  assert.deepEqual(errorsOf(patient(identifier('a'), identifier('b')), [ordered]), [])
  assert.match(errorsOf(patient(identifier('b'), identifier('a')), [ordered])[0] ?? '', /must come before/)
  const atEnd = identifiers({ ...BY_SYSTEM, rules: 'openAtEnd' }, ...A)
  assert.deepEqual(errorsOf(patient(identifier('a'), identifier('z')), [atEnd]), [])
  assert.match(errorsOf(patient(identifier('z'), identifier('a')), [atEnd])[0] ?? '', /must come at the end/)
})

test('the default slice takes what no other takes', () => {
  const own = identifiers(
    { ...BY_SYSTEM, rules: 'closed' },
    ...A,
    { path: 'Patient.identifier', sliceName: '@default' },
    { path: 'Patient.identifier.use', min: 1 },
  )
  assert.deepEqual(errorsOf(patient(identifier('a'), identifier('z', { use: 'old' })), [own]), [])
  assert.deepEqual(errorsOf(patient(identifier('a'), identifier('z')), [own]), [
    'Patient.identifier[1]: use: at least 1 required, but 0 found (slice @default of http://example.test/StructureDefinition/sliced).',
  ])
})

test('a slice of a slice adds to it', () => {
  const own = identifiers(
    { ...BY_SYSTEM, rules: 'closed' },
    ...A,
    {
      id: 'Patient.identifier:a',
      path: 'Patient.identifier',
      sliceName: 'a',
      max: '*',
      slicing: { discriminator: [{ type: 'value', path: 'use' }], rules: 'open' },
    },
    { id: 'Patient.identifier:a/old', path: 'Patient.identifier', sliceName: 'a/old' },
    { id: 'Patient.identifier:a/old.use', path: 'Patient.identifier.use', fixedCode: 'old' },
    { id: 'Patient.identifier:a/old.period', path: 'Patient.identifier.period', min: 1 },
  )
  assert.deepEqual(errorsOf(patient(identifier('a', { use: 'usual' })), [own]), [])
  assert.deepEqual(errorsOf(patient(identifier('a', { use: 'old' })), [own]), [
    'Patient.identifier[0]: period: at least 1 required, but 0 found (slice a/old of http://example.test/StructureDefinition/sliced).',
  ])
})

/** What a discriminator of each kind must take and must not. */
test('discriminators: pattern, exists, type, profile, resolve, extension, $this', () => {
  const sliced = (discriminator: object, element: object[], closed = 'closed') =>
    profile('kinds', 'Patient', [
      { path: 'Patient.generalPractitioner', slicing: { discriminator: [discriminator], rules: closed } },
      { path: 'Patient.generalPractitioner', sliceName: 's' },
      ...element,
    ])
  const outcome = (own: ReturnType<typeof profile>, reference: object, contained: object[] = []): boolean => {
    const errors = errorsOf({ resourceType: 'Patient', contained, generalPractitioner: [reference] }, [own])
    return !errors.some((text) => text.includes('matches no slice'))
  }
  const byDisplay = sliced({ type: 'exists', path: 'display' }, [
    { path: 'Patient.generalPractitioner.display', min: 1 },
  ])
  assert.ok(outcome(byDisplay, { display: 'x' }))
  assert.ok(!outcome(byDisplay, { reference: 'Practitioner/1' }))
  const byTarget = sliced({ type: 'type', path: 'resolve()' }, [
    {
      path: 'Patient.generalPractitioner',
      sliceName: 's',
      type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Practitioner'] }],
    },
  ])
  assert.ok(outcome(byTarget, { reference: 'Practitioner/1' }))
  assert.ok(!outcome(byTarget, { reference: 'Organization/1' }))
  assert.ok(outcome(byTarget, { reference: '#p' }, [{ resourceType: 'Practitioner', id: 'p' }]))
  const byExtension = sliced({ type: 'value', path: "extension('http://example.test/x').value" }, [
    {
      path: 'Patient.generalPractitioner.extension',
      sliceName: 'x',
      min: 1,
      type: [{ code: 'Extension', profile: ['http://example.test/x'] }],
    },
    { path: 'Patient.generalPractitioner.extension.url', fixedUri: 'http://example.test/x' },
    { path: 'Patient.generalPractitioner.extension.value[x]', fixedBoolean: true },
  ])
  assert.ok(outcome(byExtension, { extension: [{ url: 'http://example.test/x', valueBoolean: true }] }))
  assert.ok(!outcome(byExtension, { extension: [{ url: 'http://example.test/x', valueBoolean: false }] }))
  const byThis = sliced({ type: 'pattern', path: '$this' }, [
    { path: 'Patient.generalPractitioner', sliceName: 's', patternReference: { type: 'Practitioner' } },
  ])
  assert.ok(outcome(byThis, { type: 'Practitioner', display: 'x' }))
  assert.ok(!outcome(byThis, { type: 'Organization', display: 'x' }))
})

test('entries of a Bundle are told apart by type and by profile', () => {
  const named = profile('named', 'Patient', [{ path: 'Patient.name', min: 1 }])
  const bundle = (type: string, resource: object) =>
    profile('bundle', 'Bundle', [
      { path: 'Bundle.entry', slicing: { discriminator: [{ type, path: 'resource' }], rules: 'closed' } },
      { path: 'Bundle.entry', sliceName: 'patient', min: 1 },
      { path: 'Bundle.entry.resource', type: [resource] },
    ])
  const entry = (resource: object) => ({
    resourceType: 'Bundle',
    type: 'collection',
    entry: [{ fullUrl: 'http://example.test/Patient/1', resource: { resourceType: 'Patient', id: '1', ...resource } }],
  })
  const byType = bundle('type', { code: 'Patient' })
  assert.deepEqual(errorsOf(entry({}), [byType]), [])
  assert.match(errorsOf(entry({ resourceType: 'Basic', code: { text: 'x' } }), [byType])[0] ?? '', /matches no slice/)
  const byProfile = bundle('profile', { code: 'Patient', profile: [named.url] })
  assert.deepEqual(errorsOf(entry({ name: [{ text: 'x' }] }), [byProfile, named]), [])
  assert.match(errorsOf(entry({}), [byProfile, named])[0] ?? '', /matches no slice/)
})

test('slices that cannot be told apart are said to be so, and nothing else', () => {
  const own = identifiers({ discriminator: [{ type: 'value', path: 'a.where(x)' }], rules: 'open' }, ...B)
  assert.deepEqual(errorsOf(patient({ value: 'x' }), [own]), [])
})

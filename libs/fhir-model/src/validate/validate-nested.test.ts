import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateResource } from './validate-resource.ts'
import { DEPTH_MAX, ISSUES_MAX } from './walk.ts'

function issues(resource: unknown): string[] {
  return validateResource(resource).issues.map(({ code, expression }) => `${code} ${expression}`)
}
const patient = (elements: object): string[] => issues({ resourceType: 'Patient', ...elements })

test('contained resources are checked, have an id and contain none', () => {
  assert.deepEqual(patient({ contained: [{ resourceType: 'Organization', foo: 1, id: 'o' }] }), [
    'structure Patient.contained[0].foo',
  ])
  assert.deepEqual(patient({ contained: [{ resourceType: 'Organization' }] }), ['required Patient.contained[0]'])
  assert.deepEqual(patient({ contained: [{ id: 'x' }] }), ['structure Patient.contained[0]'])
  const inner = { resourceType: 'Organization', id: 'i' }
  assert.deepEqual(patient({ contained: [{ resourceType: 'Organization', id: 'o', contained: [inner] }] }), [
    'invariant Patient.contained[0].contained',
  ])
})

test('resources in Bundles and Parameters are checked wherever they stand', () => {
  const wrong = { resourceType: 'Patient', active: 1 }
  assert.deepEqual(issues({ resourceType: 'Bundle', type: 'batch', entry: [{ resource: wrong }] }), [
    'structure Bundle.entry[0].resource.active',
  ])
  const inner = { resourceType: 'Bundle', type: 'batch', entry: [{ resource: wrong }] }
  assert.deepEqual(
    issues({ resourceType: 'Parameters', parameter: [{ name: 'a', part: [{ name: 'b', resource: inner }] }] }),
    ['structure Parameters.parameter[0].part[0].resource.entry[0].resource.active'],
  )
})

test('references are well-formed and point at an allowed type', () => {
  const to = (reference: string): string[] => patient({ managingOrganization: { reference } })
  const good = [
    'Organization/1',
    'Organization/a-b.c/_history/2',
    'http://a/b',
    'https://a/Organization/1',
    'urn:uuid:x',
    'urn:oid:1.2',
    '#',
    'Organization?identifier=http://a|b',
    'ftp:x',
  ]
  for (const reference of good) assert.deepEqual(to(reference), [], reference)
  const bad = [
    'x',
    'Organization',
    'Organization/',
    '/Organization/1',
    'Organization/a b',
    'Organization/1/2',
    'Practitioner/1',
    'Foo/1',
    'Foo?a=b',
    'Practitioner?a=b',
    'Organization/a_b',
    'organization/1',
    `Organization/${'a'.repeat(65)}`,
    '?a=b',
  ]
  for (const reference of bad)
    assert.deepEqual(to(reference), ['value Patient.managingOrganization.reference'], reference)
  assert.deepEqual(to('#o'), ['invariant Patient.managingOrganization.reference'])
  assert.deepEqual(patient({ managingOrganization: { reference: 1 } }), [
    'structure Patient.managingOrganization.reference',
  ])
})

test('a local reference finds only what its own container contains', () => {
  const contained = [
    { resourceType: 'Organization', id: 'o' },
    { resourceType: 'Practitioner', id: 'p' },
  ]
  const holder = { resourceType: 'Patient', contained, managingOrganization: { reference: '#o' } }
  const other = { resourceType: 'Patient', managingOrganization: { reference: '#o' } }
  const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: holder }, { resource: other }] }
  assert.deepEqual(issues(bundle), ['invariant Bundle.entry[1].resource.managingOrganization.reference'])
  assert.deepEqual(patient({ contained, managingOrganization: { reference: '#p' } }), [
    'value Patient.managingOrganization.reference',
  ])
  // A contained resource refers to its neighbours in the same container.
  const neighbour = { resourceType: 'PractitionerRole', id: 'r', organization: { reference: '#o' } }
  assert.deepEqual(patient({ contained: [...contained, neighbour] }), [])
})

test('depth and number of issues are limited', () => {
  let extension: object = { url: 'x', valueCode: 'y' }
  for (let level = 0; level < 5000; level++) extension = { url: 'x', extension: [extension] }
  const [issue] = validateResource({ resourceType: 'Patient', extension: [extension] }).issues
  assert.equal(issue?.code, 'too-costly')
  assert.equal(issue?.expression.split('.').length, DEPTH_MAX + 1)

  const many = Array.from({ length: 500 }, () => ({ foo: 1 }))
  const { issues: listed } = validateResource({ resourceType: 'Patient', name: many })
  assert.equal(listed.length, ISSUES_MAX + 1)
  assert.equal(listed.at(-1)?.code, 'too-costly')
  // The next validation starts afresh.
  assert.deepEqual(patient({ active: true }), [])
})

test('hostile values never throw', () => {
  for (const value of [null, 1, '', [], [[]], {}, [null], { a: null }, Number.NaN]) {
    for (const key of ['name', '_gender', 'contained', 'extension', 'text', 'managingOrganization', 'meta', 'id'])
      assert.notDeepEqual(patient({ [key]: value }), [], `${key} ${JSON.stringify(value)}`)
  }
})

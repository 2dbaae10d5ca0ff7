import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorsOf } from '../../../test/fixtures/validation.ts'

const BASE = 'http://x.test/fhir'
const entry = (resource: { resourceType: string; id: string } & Record<string, unknown>) => ({
  fullUrl: `${BASE}/${resource.resourceType}/${resource.id}`,
  resource,
})
const patient = { resourceType: 'Patient', id: 'p' }
const composition = {
  resourceType: 'Composition',
  id: 'c',
  status: 'final',
  type: { text: 'x' },
  date: '2024-01-01',
  title: 'x',
  subject: { reference: 'Patient/p' },
  author: [{ reference: 'Practitioner/a' }],
}
const author = { resourceType: 'Practitioner', id: 'a' }
const document = (...entries: object[]) => ({
  resourceType: 'Bundle',
  type: 'document',
  identifier: { system: 'http://x.test', value: '1' },
  timestamp: '2024-01-01T00:00:00Z',
  entry: entries,
})

test('a document begins with its Composition, holds what it names and nothing that cannot be reached', () => {
  assert.deepEqual(errorsOf(document(entry(composition), entry(patient), entry(author))), [])
  assert.match(
    errorsOf(document(entry(patient), entry(composition), entry(author))).join('\n'),
    /first entry of a document/,
  )
  assert.deepEqual(errorsOf(document(entry(composition), entry(author))), [
    'Bundle.entry[0].resource.subject: The reference means no entry of the Bundle by the rules of fullUrl.',
  ])
  assert.deepEqual(
    errorsOf(document(entry(composition), entry(patient), entry(author), entry({ ...patient, id: 'q' }))),
    ['Bundle.entry[3]: The entry cannot be reached from the Composition.'],
  )
  const twice = document(entry(composition), entry(patient), entry(patient), entry(author))
  assert.match(errorsOf(twice).join('\n'), /Bundle.entry\[0\].resource.subject: The reference means several entries/)
})

test('a relative reference is relative to the full URL of its entry', () => {
  const other = { fullUrl: 'http://other.test/fhir/Patient/p', resource: patient }
  assert.match(
    errorsOf(document(entry(composition), other, entry(author))).join('\n'),
    /subject: The reference means no entry/,
  )
  const absolute = { ...composition, subject: { reference: 'http://other.test/fhir/Patient/p' } }
  assert.deepEqual(errorsOf(document(entry(absolute), other, entry(author))), [])
})

test('full URLs are absolute, end with the id, are there and are unique', () => {
  const collection = (one: object, type = 'collection') => ({ resourceType: 'Bundle', type, entry: [one] })
  assert.deepEqual(errorsOf(collection(entry(patient))), [])
  const urn = { fullUrl: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0', resource: patient }
  assert.deepEqual(errorsOf(collection(urn)), [])
  for (const fullUrl of ['Patient/p', 'http://x.test/fhir/Patient/other', 'urn:uuid:0C3151BD', undefined]) {
    const { fullUrl: _url, ...rest } = entry(patient)
    const one = fullUrl === undefined ? rest : { ...rest, fullUrl }
    assert.equal(errorsOf(collection(one))[0]?.split(': ')[0], 'Bundle.entry[0]', fullUrl)
  }
  const request = { method: 'POST', url: 'Patient' }
  assert.deepEqual(
    errorsOf({ resourceType: 'Bundle', type: 'transaction', entry: [{ resource: patient, request }] }),
    [],
  )
  const same = { resourceType: 'Bundle', type: 'collection', entry: [entry(patient), entry(patient)] }
  assert.match(errorsOf(same)[0] ?? '', /^Bundle: bdl-7/)
})

test('a transaction needs requests, a message its header', () => {
  const transaction = { resourceType: 'Bundle', type: 'transaction', entry: [entry(patient)] }
  assert.match(errorsOf(transaction).join('\n'), /bdl-3/)
  const message = { resourceType: 'Bundle', type: 'message', entry: [entry(patient)] }
  assert.match(errorsOf(message).join('\n'), /first entry of a message must be a MessageHeader/)
})

test('entries are checked as what they claim to be', () => {
  const bad = { ...patient, gender: 5 }
  assert.deepEqual(errorsOf(document(entry(composition), entry(bad), entry(author))), [
    'Bundle.entry[1].resource.gender: Must be a JSON string.',
  ])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classify, type Found } from './load-classify.ts'
import { bodyOf, contentKey, type Piece, subsetOf } from './load-piece.ts'

const ORIGIN = { file: 'a.json', place: '' }
const found = (value: unknown): Found => {
  const result = classify(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), ORIGIN)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}
const faultOf = (value: unknown): string => {
  const result = classify(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), ORIGIN)
  assert.ok(!result.ok)
  return result.fault
}
const partsOf = (value: unknown): string[] => {
  const got = found(value)
  return got.kind === 'loose' ? got.loose.map(({ part }) => part.toString()) : got.piece.parts.map(String)
}

test('a transaction is sent as its bytes are', () => {
  const text =
    '{"resourceType":"Bundle", "type":"transaction","entry":[{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}'
  const got = found(text)
  assert.ok(got.kind === 'piece')
  assert.equal(bodyOf({ ...got.piece, keys: [] }).toString(), text)
  assert.equal(got.piece.repeatable, false)
  assert.deepEqual(got.piece.entries, [
    { type: 'Patient', method: 'POST', origin: { file: 'a.json', place: 'entry 0' } },
  ])
})

test('only what stores the same when sent twice may be repeated', () => {
  const repeatable = (...requests: object[]): boolean => {
    const got = found({ resourceType: 'Bundle', type: 'batch', entry: requests.map((request) => ({ request })) })
    return got.kind === 'piece' && got.piece.repeatable
  }
  assert.ok(repeatable({ method: 'PUT', url: 'Patient/a' }, { method: 'DELETE', url: 'Patient/b' }))
  assert.ok(repeatable({ method: 'POST', url: 'Patient', ifNoneExist: 'identifier=a' }))
  assert.ok(!repeatable({ method: 'PUT', url: 'Patient/a' }, { method: 'POST', url: 'Patient' }))
  assert.ok(!repeatable({ method: 'PATCH', url: 'Patient/a' }))
  assert.ok(!repeatable({}))
})

test('a resource with an id is put there, one without is created, and its numbers stay as written', () => {
  const text = '{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.50}}'
  assert.deepEqual(partsOf(text), [`{"resource":${text},"request":{"method":"PUT","url":"Observation/o1"}}`])
  assert.deepEqual(partsOf('{"resourceType":"Patient"}'), [
    '{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}',
  ])
})

test('a byte order mark is no part of the resource', () => {
  assert.deepEqual(partsOf('\uFEFF{"resourceType":"Patient"}'), partsOf('{"resourceType":"Patient"}'))
})

test('a collection is unpacked without its outcomes, and its numbers stay as written', () => {
  const text = `{"resourceType":"Bundle","type":"searchset","entry":[
    {"fullUrl":"http://x.example/Observation/a","resource":{"resourceType":"Observation","id":"a","valueQuantity":{"value":2.00}},"search":{"mode":"match"}},
    {"resource":{"resourceType":"OperationOutcome"},"search":{"mode":"outcome"}}]}`
  assert.deepEqual(partsOf(text), [
    '{"resource":{"resourceType":"Observation","id":"a","valueQuantity":{"value":2.00}},"request":{"method":"PUT","url":"Observation/a"}}',
  ])
})

test('entries that name each other stay in one transaction, which is never divided', () => {
  const got = found({
    resourceType: 'Bundle',
    type: 'collection',
    entry: [
      { fullUrl: 'urn:uuid:1', resource: { resourceType: 'Patient' } },
      { fullUrl: 'urn:uuid:2', resource: { resourceType: 'Observation', subject: { reference: 'urn:uuid:1' } } },
    ],
  })
  assert.ok(got.kind === 'piece')
  assert.equal(got.piece.type, 'transaction')
  assert.equal(got.piece.divisible, false)
  const sent = JSON.parse(bodyOf({ ...got.piece, keys: [] }).toString()) as { entry: { fullUrl: string }[] }
  assert.deepEqual(
    sent.entry.map(({ fullUrl }) => fullUrl),
    ['urn:uuid:1', 'urn:uuid:2'],
  )
})

test('a document stays one resource', () => {
  const text =
    '{"resourceType":"Bundle","id":"d","type":"document","entry":[{"resource":{"resourceType":"Composition"}}]}'
  assert.deepEqual(partsOf(text), [`{"resource":${text},"request":{"method":"PUT","url":"Bundle/d"}}`])
})

test('what cannot be loaded is named by its fault, without its content', () => {
  assert.equal(faultOf('{"resourceType":"Patient",'), 'load.json-broken')
  assert.equal(faultOf('[]'), 'load.not-a-resource')
  assert.equal(faultOf({ name: 'package' }), 'load.not-a-resource')
  assert.equal(faultOf({ resourceType: 'Bundle', type: 'history', entry: [] }), 'load.bundle-type')
  assert.equal(faultOf({ resourceType: 'Bundle', type: 'transaction-response' }), 'load.bundle-type')
  assert.equal(faultOf({ resourceType: 'Bundle' }), 'load.bundle-type')
  assert.equal(faultOf({ resourceType: 'Bundle', type: 'collection', entry: [{}] }), 'load.bundle-malformed')
  assert.equal(faultOf({ resourceType: 'Bundle', type: 'transaction', entry: [null] }), 'load.bundle-malformed')
  assert.equal(
    faultOf({ resourceType: 'Bundle', type: 'transaction', entry: Array.from({ length: 20_001 }, () => ({})) }),
    'load.too-many-entries',
  )
})

test('some entries of a found batch are cut out with their numbers as written', () => {
  const text =
    '{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"PUT","url":"A/1"}},{"resource":{"resourceType":"B","n":3.10},"request":{"method":"PUT","url":"B/2"}}]}'
  const got = found(text)
  assert.ok(got.kind === 'piece')
  const piece: Piece = { ...got.piece, keys: ['k'] }
  const rest = subsetOf(piece, [1])
  assert.equal(
    bodyOf(rest).toString(),
    '{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"B","n":3.10},"request":{"method":"PUT","url":"B/2"}}]}',
  )
  assert.deepEqual(
    rest.entries.map(({ origin }) => origin.place),
    ['entry 1'],
  )
})

test('a content key is of the content, however it is cut', () => {
  assert.equal(contentKey(Buffer.from('ab')), contentKey([Buffer.from('a'), Buffer.from('b')]))
  assert.notEqual(contentKey(Buffer.from('ab')), contentKey(Buffer.from('abc')))
  assert.match(contentKey(Buffer.alloc(0)), /^[0-9a-f]{32}$/)
})

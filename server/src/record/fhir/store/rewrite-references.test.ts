import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conditionalReferences, rewriteReferences } from './rewrite-references.ts'
import { RID_BLOCK, ridSource } from './rid-source.ts'

test('references are replaced wherever they stand, and other text is only when the rewrite wants it', () => {
  const resource = {
    subject: { reference: 'urn:uuid:1' },
    url: 'urn:uuid:1',
    note: [{ text: 'urn:uuid:1' }, 'urn:uuid:1'],
    text: { div: '<a href="urn:uuid:1"/>' },
    count: 1.5,
    none: null,
  }
  rewriteReferences(
    resource,
    (text, isReference) => (text === 'urn:uuid:1' && isReference ? 'Patient/1' : undefined),
    (html) => html.replace('urn:uuid:1', 'Patient/1'),
  )
  assert.deepEqual(resource, {
    subject: { reference: 'Patient/1' },
    url: 'urn:uuid:1',
    note: [{ text: 'urn:uuid:1' }, 'urn:uuid:1'],
    text: { div: '<a href="Patient/1"/>' },
    count: 1.5,
    none: null,
  })
})

test('conditional references are found in references alone', () => {
  const found = new Set<string>()
  conditionalReferences(
    {
      subject: { reference: 'Patient?identifier=1' },
      url: 'Patient?identifier=2',
      performer: [
        { reference: 'http://x/Patient?identifier=3' },
        { reference: 'Practitioner?x' },
        { reference: '#a?b' },
      ],
    },
    found,
  )
  assert.deepEqual([...found], ['Patient?identifier=1', 'Practitioner?x'])
})

test('numbers come from blocks, each once, also when many ask at the same time', async () => {
  let blocks = 0
  const take = ridSource(async () => 1 + RID_BLOCK * blocks++)
  const taken = (await Promise.all([take(1), take(RID_BLOCK), take(0), take(700)])).flat()
  assert.equal(taken.length, 1 + RID_BLOCK + 700)
  assert.equal(new Set(taken).size, taken.length)
  assert.ok(blocks <= 3)
})

test('a block that could not be taken is asked for again', async () => {
  let calls = 0
  const take = ridSource(async () => {
    if (calls++ === 0) throw new Error('database away')
    return 1
  })
  await assert.rejects(take(1))
  assert.deepEqual(await take(2), [1, 2])
})

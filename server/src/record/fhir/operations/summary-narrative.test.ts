import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateResource } from '@salus/fhir-model'
import fc from 'fast-check'
import { sectionNarrative, xhtmlText } from './summary-narrative.ts'

/** Tags of a table with one row. */
const ELEMENTS = (sectionNarrative('x', [{ resourceType: 'Basic' }]) as { div: string }).div.split('<').length - 1

test('whatever a resource holds, the narrative is valid and nothing in it is markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, value) => {
      const resource = { resourceType: 'Observation', code: { text }, valueString: value, issued: value }
      const { div } = sectionNarrative(text, [resource]) as { div: string }
      const { issues } = validateResource({ resourceType: 'Basic', code: {}, text: { status: 'generated', div } })
      assert.deepEqual(
        issues.filter(({ expression }) => expression?.includes('text')),
        [],
      )
      assert.equal(div.match(/</g)?.length, ELEMENTS)
    }),
    { numRuns: 500 },
  )
})

test('shapes nobody expects are passed over', () => {
  const odd = {
    resourceType: 'Observation',
    code: { coding: [null, { display: 5 }] },
    component: [{}],
    dosage: 'x',
    reaction: [null],
  }
  assert.doesNotThrow(() => sectionNarrative('x', [odd]))
})

test('what XML does not have is left out, and the rest is escaped', () => {
  assert.equal(xhtmlText('a\u0000<b>\ud800&"\''), 'a&#60;b&#62;&#38;&#34;&#39;')
})

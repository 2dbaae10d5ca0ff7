import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SEARCH_LIMITS } from './search-limits.ts'
import { contentText, hasWords, narrativeText } from './text-words.ts'

const narrative = (div: string): object => ({ resourceType: 'Patient', text: { div } })

test('a narrative is what its reader sees', () => {
  assert.equal(narrativeText(narrative('<div>a<br/>b &amp; c&#228;&#xe4;&nbsp;d</div>')), ' a b & cää d ')
  for (const odd of ['<', '<<<', '&', '&#x;', '&#99999999;', 'a<b', '<a title=">">x']) narrativeText(narrative(odd))
  for (const none of [{}, { text: null }, { text: { div: 1 } }]) assert.equal(narrativeText(none), '')
  assert.ok(hasWords(narrativeText(narrative('<td>one</td><td>two</td>')), ['one', 'two']))
})

test('words are compared from their beginning, without case and accents', () => {
  assert.ok(hasWords('Diabetes mellitus, Größe', ['diab', 'gross']))
  assert.ok(!hasWords('Diabetes mellitus', ['betes']))
  assert.ok(!hasWords('Diabetes mellitus', ['diab', 'asthma']))
})

test('content is every text but attached data, and long texts are looked at from their beginning', () => {
  const resource = {
    ...narrative('<div>seen</div>'),
    photo: [{ data: 'YmFzZTY0', title: 'portrait' }],
    name: [{ given: ['Ann', null] }],
    active: true,
  }
  assert.ok(hasWords(contentText(resource), ['seen', 'portrait', 'ann']))
  assert.ok(!hasWords(contentText(resource), ['ymfzzty0']))
  assert.ok(!hasWords(contentText(resource), ['div']))
  const long = `${'word '.repeat(SEARCH_LIMITS.contentCharsMax / 5)}beyond`
  assert.ok(hasWords(long, ['word']) && !hasWords(long, ['beyond']))
  assert.ok(narrativeText(narrative('<td>ab</td>'.repeat(500_000))).length < SEARCH_LIMITS.contentCharsMax * 3)
})

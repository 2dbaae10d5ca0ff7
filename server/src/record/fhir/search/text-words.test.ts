import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SEARCH_LIMITS } from './search-limits.ts'
import { contentText, hasWords, narrativeText, textWords, wordStart, wordStarts } from './text-words.ts'

const note = (text: string): object => ({ resourceType: 'Observation', note: [{ text }] })

test('words are found by the longest of 4, 8 and 12 first letters that they have', () => {
  assert.deepEqual(
    [...wordStarts(note('Hypertensive crisis, no BP')).starts],
    ['hypertensive', 'hypertens'.slice(0, 8), 'hype', 'cris'],
  )
  assert.equal(wordStart('hypertensive'), 'hypertensive')
  assert.equal(wordStart('hypertens'), 'hyperten')
  assert.equal(wordStart('hyper'), 'hype')
  assert.equal(wordStart('bp'), undefined)
})

test('codes, addresses, dates and data are no text, displays and values are', () => {
  const { starts } = wordStarts({
    resourceType: 'Observation',
    id: 'identifying',
    meta: { profile: ['http://example.org/profile'] },
    code: { coding: [{ system: 'urn:system', code: 'codeword', display: 'Blood pressure' }] },
    effectiveDateTime: '2020-01-01T10:00:00Z',
    valueString: 'elevated',
    subject: { reference: 'Patient/reference', display: 'Märta' },
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>Narrated&amp;told</p></div>' },
  })
  assert.deepEqual([...starts].sort(), [
    'bloo',
    'elev',
    'elevated',
    'mart',
    'narr',
    'narrated',
    'pres',
    'pressure',
    'told',
  ])
})

test('whatever words a text has, the tokens of a query that matches it are among its own', () => {
  const text = fc.array(fc.stringMatching(/^[a-zäöåéß]{1,16}$/), { maxLength: 12 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(text, fc.nat(), fc.nat(16), (written, pick, length) => {
      const resource = note(written)
      const words = textWords(contentText(resource))
      const query = words[pick % Math.max(1, words.length)]?.slice(0, length + 1)
      if (query === undefined) return
      assert.ok(hasWords(contentText(resource), [query]))
      const start = wordStart(query)
      assert.ok(start === undefined || wordStarts(resource).starts.has(start))
    }),
    { numRuns: 2_000 },
  )
})

test('of a long text some words are indexed, and it says that there are more', () => {
  const words = Array.from(
    { length: 300 },
    (_, n) => `${String.fromCharCode(97 + (n % 26))}${String.fromCharCode(97 + Math.floor(n / 26))}xx`,
  )
  const { starts, isComplete } = wordStarts(note(words.join(' ')))
  assert.deepEqual([starts.size, isComplete], [80, false])
})

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

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { email, fold, PREFIX_CHARACTERS_MAX, prefixes, prefixQuery, telephoneDigits, words } from './normalise.ts'

const folds: [string, string][] = [
  ['', ''],
  ['Smith', 'smith'],
  ['  van\t der \n Berg ', 'van der berg'],
  ['Émilie', 'emilie'],
  ['E\u0301milie', 'emilie'],
  ['Weiß', 'weiss'],
  ['WEIẞ', 'weiss'],
  ['Müller', 'muller'],
  ['İstanbul', 'istanbul'],
  ['IŞIK', 'isik'],
  ['ışık', 'isik'],
  ['Ångström', 'angstrom'],
  ['Søren Ærø', 'soren aero'],
  ['Łukasz Đorđe', 'lukasz dorde'],
  ['Þórður', 'thordur'],
  ['ﬁona', 'fiona'],
  ['Ｓｍｉｔｈ', 'smith'],
  ["O'Brien", 'obrien'],
  ['O’Brien', 'obrien'],
  ['ΟΔΟΣ', 'οδοσ'],
  ['οδός', 'οδοσ'],
  ['Ёлка', 'елка'],
  ['李小龍', '李小龍'],
  ['김철수', '김철수'],
  ['か\u3099く', 'がく'],
  ['ﾊﾞﾊﾞ', 'ババ'],
  ['हिन्दी', 'हिन्दी'],
  ['שָׁלוֹם', 'שלום'],
  ['مُحَمَّد', 'محمد'],
  ['\u202bמשה\u202c', 'משה'],
  ['Anna\u00adlena', 'annalena'],
  ['👩\u200d⚕️ Ada', '👩⚕ ada'],
  ['Nguyễn Thị Minh', 'nguyen thi minh'],
]

test('folding removes case, accents, width and invisible characters, and keeps what makes another word', () => {
  for (const [value, folded] of folds) assert.equal(fold(value), folded.normalize('NFC'), value)
  assert.notEqual(fold('ハハ'), fold('ババ'))
  assert.notEqual(fold('की'), fold('कि'))
})

test('folding twice is folding once, and composed or decomposed text folds alike', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      assert.equal(fold(fold(value)), fold(value))
      assert.equal(fold(value.normalize('NFD')), fold(value.normalize('NFC')))
    }),
  )
})

test('words are split at everything that is not a letter or digit', () => {
  assert.deepEqual(words('smith-jones, mary ann (née x)'), ['smith', 'jones', 'mary', 'ann', 'née', 'x'])
  assert.deepEqual(words('हिन्दी'), ['हिन्दी'])
  assert.deepEqual(words('👩 --'), [])
  assert.equal(words('a '.repeat(500)).length, 16)
})

test('telephone digits in any script, nothing else', () => {
  assert.equal(telephoneDigits('+1 (555) 010-2030 ext. 7'), '155501020307')
  assert.equal(telephoneDigits('٠١٢٣٤٥٦٧٨٩'), '0123456789')
  assert.equal(telephoneDigits('०१२ ९'), '0129')
  assert.equal(telephoneDigits('０５５'), '055')
  assert.equal(telephoneDigits('𝟎𝟏𝟗'), '019')
  assert.equal(telephoneDigits('tel'), '')
})

test('mail addresses compare without case', () => {
  assert.equal(email(' Ada.Lovelace@Example.ORG '), 'ada.lovelace@example.org')
})

test('prefixes of two to ten characters and some longer, of the value and of its words', () => {
  assert.deepEqual([...prefixes('Jo Ann')].sort(), ['an', 'ann', 'jo', 'jo ', 'jo a', 'jo an', 'jo ann'])
  const longest = [...prefixes('Wolfeschlegelsteinhausen')].reduce((a, b) => (a.length > b.length ? a : b))
  assert.equal(longest, 'wolfeschlegelste')
  assert.deepEqual([...prefixes('李')], ['李'])
  assert.deepEqual([...prefixes('😀😀')], ['😀', '😀😀'])
  assert.deepEqual([...prefixes('   ')], [])
})

test('whatever a value starts with finds it, and a query never needs more than its tokens and the check', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.stringMatching(/^[A-Za-zéß' .-]{0,16}$/))
  fc.assert(
    fc.property(text, fc.nat(20), (value, length) => {
      const folded = fold(value)
      const query = [...folded].slice(0, length).join('')
      const { anyOf, checkValue } = prefixQuery(query)
      if (fold(query) === '') return assert.deepEqual(anyOf, [])
      if (!folded.startsWith(fold(query))) return
      const tokens = prefixes(value)
      assert.ok(
        anyOf.some((token) => tokens.has(token)),
        JSON.stringify({ value, query }),
      )
      const chars = [...fold(query)].length
      assert.equal(checkValue, chars > PREFIX_CHARACTERS_MAX || (chars > 10 && chars % 2 === 1))
    }),
    { numRuns: 2000 },
  )
})

test('a query that a value does not start with finds it only when the value must be checked', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-d ]{0,8}$/), fc.stringMatching(/^[a-d ]{1,8}$/), (value, query) => {
      const wanted = fold(query)
      if (wanted === '') return
      const found = prefixQuery(query).anyOf.some((token) => prefixes(value).has(token))
      const starts = [fold(value), ...words(fold(value))].some((word) => word.startsWith(wanted))
      assert.equal(found, starts)
    }),
    { numRuns: 2000 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean } from './did-you-mean.ts'

const COMMANDS = ['start', 'load', 'demo', 'token', 'audit', 'keys', 'restore']

test('the nearest word is suggested when it is near', () => {
  for (const [typed, meant] of [
    ['laod', 'load'],
    ['lod', 'load'],
    ['adit', 'audit'],
    ['key', 'keys'],
    ['restor', 'restore'],
    ['tokens', 'token'],
  ] as const)
    assert.equal(didYouMean(typed, COMMANDS), ` Did you mean ${meant}?`)
})

test('a word that is far from all is not guessed at', () => {
  for (const typed of ['', 'x', 'ps', 'patients', 'configure', 'ab'])
    assert.equal(didYouMean(typed, COMMANDS), '', typed)
  assert.equal(didYouMean('load', []), '')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectSink, put } from './answer-sink.ts'

const marks = { flatten: true, first: false, singleton: false }

test('collected values join one list, which is not copied for each', () => {
  const sink = { ...objectSink(), collects: true }
  put(sink, 'given', ['A'], { list: true, marks })
  const list = sink.target.given
  put(sink, 'given', ['B', 'C'], { list: true, marks })
  assert.equal(sink.target.given, list)
  assert.deepEqual(list, ['A', 'B', 'C'])
})

test('values that are collected under the name of one value come behind it', () => {
  const sink = objectSink()
  put(sink, 'id', ['anna'], { list: false, marks })
  put({ ...sink, collects: true }, 'id', ['B'], { list: false, marks })
  assert.deepEqual(sink.target.id, ['anna', 'B'])
})

test('what is collected leaves the values that were given alone', () => {
  const sink = { ...objectSink(), collects: true }
  const given = ['A']
  put(sink, 'given', given, { list: true, marks })
  put(sink, 'given', ['B'], { list: true, marks })
  assert.deepEqual(given, ['A'])
})

import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FaultError } from '@salus/server/kernel'
import { type LoadState, openLoadState } from './load-state.ts'

const directory = mkdtempSync(join(tmpdir(), 'salus-load-state-'))
after(() => rmSync(directory, { recursive: true }))

const URL = 'http://127.0.0.1:1'
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string]
const open = (name: string, fresh = false, url = URL): LoadState =>
  openLoadState({ path: join(directory, name), url, fresh })

test('what was stored, begun and given up is remembered', () => {
  const first = open('one')
  first.begin([A, B])
  first.done([A])
  first.begin([C])
  first.undo([C])
  // Not closed: as after a crash.
  const second = open('one')
  assert.deepEqual(
    [A, B, C].map((key) => second.status(key)),
    ['done', 'begun', 'new'],
  )
  first.close()
  second.close()
  const third = open('one', true)
  assert.equal(third.status(A), 'new')
  third.close()
})

test('a line cut by a crash counts as not written', () => {
  const first = open('cut')
  first.begin([A])
  first.close()
  appendFileSync(join(directory, 'cut'), `=${A.slice(0, 20)}`)
  const second = open('cut')
  assert.equal(second.status(A), 'begun')
  second.begin([B])
  second.close()
  const third = open('cut')
  assert.equal(third.status(B), 'begun')
  third.close()
})

test('each opening leaves one line for each unit, readable by the owner only', () => {
  const first = open('small')
  for (let round = 0; round < 50; round++) {
    first.begin([A])
    first.undo([A])
  }
  first.begin([A])
  first.done([A])
  first.close()
  open('small').close()
  const path = join(directory, 'small')
  assert.equal(readFileSync(path, 'utf8'), `salus-load 1 ${URL}\n=${A}\n`)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('the memory of a load into another server is not used', () => {
  open('mine').close()
  const thrown = (run: () => void): string => {
    try {
      run()
    } catch (error) {
      if (error instanceof FaultError) return error.fault.code
    }
    return ''
  }
  assert.equal(
    thrown(() => open('mine', false, 'http://other.example')),
    'cli.load.state-foreign',
  )
  assert.equal(
    thrown(() => open('no/such/directory')),
    'cli.load.state-unwritable',
  )
  mkdirSync(join(directory, 'folder'))
  assert.equal(
    thrown(() => open('folder')),
    'cli.load.state-foreign',
  )
})

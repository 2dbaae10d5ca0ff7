import assert from 'node:assert/strict'
import { test } from 'node:test'
import { salus } from '../../../test/fixtures/cli.ts'

const nowhere = { dataDir: '/tmp/salus-nowhere' }

test('a mistyped command, subcommand or option is answered with the one that was meant', async () => {
  for (const [args, meant] of [
    [['laod', 'x.json'], 'load'],
    [['audit', 'verfy'], 'verify'],
    [['keys', 'shed', 'Patient/1'], 'shred'],
    [['audit', 'verify', '--archiv', 'x'], '--archive'],
    [['load', 'x.json', '--jsno'], '--json'],
  ] as const) {
    const answer = await salus(nowhere, ...args)
    assert.equal(answer.code, 2, args.join(' '))
    assert.ok(answer.stderr.includes(`Did you mean ${meant}?`), answer.stderr)
    assert.equal(answer.stderr.trim().split('\n').length, 1)
  }
})

test('what is near nothing is told to be unknown, and no more', async () => {
  for (const args of [['patients'], ['audit', 'zzzzzz'], ['audit', 'verify', '--qqqqqqq'], ['audit', 'verify', '-q']]) {
    const answer = await salus(nowhere, ...args)
    assert.equal(answer.code, 2, args.join(' '))
    assert.doesNotMatch(answer.stderr, /Did you mean/)
  }
})

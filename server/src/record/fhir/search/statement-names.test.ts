import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SEARCH_LIMITS } from './search-limits.ts'
import { statementNames } from './statement-names.ts'

test('a shape gets a name at its third use and keeps it', () => {
  const names = statementNames()
  assert.equal(names.nameOf('a'), undefined)
  assert.equal(names.nameOf('a'), undefined)
  const name = names.nameOf('a')
  assert.match(name ?? '', /^search-/)
  assert.equal(names.nameOf('a'), name)
})

test('names are limited, and shapes seen once are forgotten', () => {
  const names = statementNames()
  for (let shape = 0; shape < SEARCH_LIMITS.namedStatementsMax; shape++)
    for (let use = 0; use < 3; use++) names.nameOf(`${shape}`)
  for (let use = 0; use < 5; use++) assert.equal(names.nameOf('late'), undefined)
  const other = statementNames()
  other.nameOf('x')
  other.nameOf('x')
  for (let shape = 0; shape <= SEARCH_LIMITS.watchedStatementsMax; shape++) other.nameOf(`once ${shape}`)
  assert.equal(other.nameOf('x'), undefined)
})

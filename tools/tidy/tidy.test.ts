import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readRepository } from './repository.ts'
import { RULES } from './rules.ts'
import { checkList, readList, writeList } from './shrinking-list.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const FIXTURES = join(HERE, 'fixtures')

describe('every rule has been seen failing', () => {
  for (const rule of RULES) {
    const folder = join(FIXTURES, rule.name)
    const cases = existsSync(folder) ? readdirSync(folder) : []

    test(`${rule.name} has fixtures that must fail and one that must pass`, () => {
      assert.ok(cases.some((name) => name.startsWith('bad')))
      assert.ok(cases.includes('good'))
    })

    for (const name of cases) {
      test(`${rule.name}/${name}`, () => {
        const repository = readRepository(join(folder, name))
        const found = RULES.flatMap((each) => each.check(repository).map(() => each.name))
        if (name === 'good') assert.deepEqual(found, [])
        else assert.deepEqual([...new Set(found)], [rule.name])
      })
    }
  }

  test('no fixture is left without its rule', () => {
    assert.deepEqual(readdirSync(FIXTURES).sort(), RULES.map(({ name }) => name).sort())
  })
})

test('a problem names the file, the line and what to do', () => {
  const repository = readRepository(join(FIXTURES, 'promises-to-do', 'bad-sql'))
  const found = RULES.flatMap((rule) => rule.check(repository))
  assert.equal(found.length, 1)
  assert.equal(found[0]?.path, 'server/src/platform/vault/migrations/0001-key.sql')
  assert.equal(found[0]?.line, 1)
  assert.match(found[0]?.message ?? '', /Do it now/)
})

describe('lists that may only shrink', () => {
  const place = { path: 'a.ts', line: 3 }
  const inNewFolder = (use: (root: string) => void): void => {
    const root = mkdtempSync(join(tmpdir(), 'tidy-'))
    try {
      cpSync(join(FIXTURES, 'tested-faults', 'good'), root, { recursive: true })
      use(root)
    } finally {
      rmSync(root, { recursive: true })
    }
  }

  test('writing a list drops what is no longer missing and adds nothing', () =>
    inNewFolder((root) => {
      const list = readList(root, 'fault-codes-without-a-test', 'Title.')
      writeList(root, list, ['vault.new'])
      assert.equal(readFileSync(join(root, list.path), 'utf8'), '# Title.\n')
      const problems = checkList(
        readList(root, 'fault-codes-without-a-test', ''),
        new Map([['vault.new', place]]),
        'is new',
      )
      assert.deepEqual(problems, [{ ...place, message: 'vault.new is new. Write one.' }])
    }))

  test('writing keeps the reason of what is still missing', () =>
    inNewFolder((root) => {
      const list = readList(root, 'fault-codes-without-a-test', 'Title.')
      writeList(root, list, ['vault.listed'])
      assert.equal(readFileSync(join(root, list.path), 'utf8'), '# Title.\nvault.listed  # older than the rule\n')
    }))

  test('an absent list is written in full once', () =>
    inNewFolder((root) => {
      rmSync(join(root, 'tools/tidy/lists/fault-codes-without-a-test.txt'))
      const list = readList(root, 'fault-codes-without-a-test', 'Title.')
      writeList(root, list, ['b.two', 'a.one'])
      assert.match(readFileSync(join(root, list.path), 'utf8'), /^# Title\.\na\.one {2}# .+\nb\.two {2}# .+\n$/)
    }))
})

test('tidy itself fails with exit code 1 when there is something to tidy', () => {
  const root = mkdtempSync(join(tmpdir(), 'tidy with space-'))
  try {
    cpSync(HERE, join(root, 'tools', 'tidy'), { recursive: true })
    cpSync(join(HERE, '..', 'tidy.ts'), join(root, 'tools', 'tidy.ts'))
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }\n')
    writeFileSync(join(root, 'tools', 'Wrong_Name.ts'), 'export const one = 1\n')
    const run = spawnSync(process.execPath, [join(root, 'tools', 'tidy.ts')], { encoding: 'utf8' })
    assert.match(run.stdout, /^tools\/Wrong_Name\.ts:1 {2}names: /m)
    assert.equal(run.status, 1)
  } finally {
    rmSync(root, { recursive: true })
  }
})

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8')
const LIBRARY = pathToFileURL(join(import.meta.dirname, 'index.ts')).href
const FIXTURE = pathToFileURL(join(import.meta.dirname, '../../../test/fixtures/definitions.ts')).href

test('the examples of the README give what it says', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'salus-validator-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const source = `import { definitionsWith } from '${FIXTURE}'\nexport const definitions = definitionsWith([])\n`
  writeFileSync(join(directory, 'definitions.mjs'), source)
  const examples = [...README.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string)
  let checked = 0
  for (const [i, example] of examples.entries()) {
    const file = join(directory, `example-${i}.mjs`)
    const code = asserting(example).replace("'@salus/fhir-validator'", `'${LIBRARY}'`)
    writeFileSync(file, code.replace("'./definitions.js'", "'./definitions.mjs'"))
    const { results } = (await import(pathToFileURL(file).href)) as { results: [actual: unknown, expected: unknown][] }
    for (const [actual, expected] of results) assert.deepEqual(actual, expected, example)
    checked += results.length
  }
  assert.equal(checked, README.split('// =>').length - 2, 'every line with // => is run; the text names it once')
})

/** `expression // => value` becomes an entry of the list the example exports. */
function asserting(example: string): string {
  const lines = example.split('\n').map((line) => {
    const match = /^(.*) \/\/ => (.*)$/.exec(line)
    return match === null ? line : `results.push([${match[1]}, ${match[2]}])`
  })
  return `export const results = []\n${lines.join('\n')}`
}

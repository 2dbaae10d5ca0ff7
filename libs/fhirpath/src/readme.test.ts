import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { buildPackage } from '../tools/build-package.ts'

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8')

test('the published package is built, knows no Node, and gives what the README says', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'salus-fhirpath-'))
  t.after(() => rmSync(directory, { recursive: true }))
  buildPackage(directory)
  const entry = pathToFileURL(join(directory, 'dist', 'index.js')).href
  const description = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<string, unknown>
  assert.deepEqual(description['dependencies'], {})
  assert.ok(!readFileSync(join(directory, 'dist', 'compile.js'), 'utf8').includes("from 'node:"))

  const examples = [...README.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string)
  assert.ok(examples.length >= 5)
  let checked = 0
  for (const [i, example] of examples.entries()) {
    const file = join(directory, `example-${i}.mjs`)
    writeFileSync(file, asserting(example).replaceAll("'@salus/fhirpath'", `'${entry}'`))
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

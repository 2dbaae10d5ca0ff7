import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { definitionsWith } from '../../../test/fixtures/definitions.ts'
import { buildPackage } from '../tools/build-package.ts'

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8')

test('the built package needs nothing else, and gives what the README says', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'salus-validator-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const library = join(directory, 'library')
  buildPackage(library)
  const description = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as Record<string, unknown>
  assert.equal(description['dependencies'], undefined)
  const entry = pathToFileURL(join(library, 'dist', 'fhir-validator', 'src', 'index.js')).href
  assert.ok(!readFileSync(new URL('validator.js', entry), 'utf8').includes("'@salus/"))
  unpackDefinitions(join(directory, 'package'))

  const examples = [...README.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string)
  assert.ok(examples.length >= 4)
  let checked = 0
  for (const [i, example] of examples.entries()) {
    const name = /^\/\/ (\S+\.mjs)\n/.exec(example)?.[1] ?? `example-${i}.mjs`
    const file = join(directory, name)
    writeFileSync(file, asserting(example).replace("'@salus/fhir-validator'", `'${entry}'`))
    const { results } = (await import(pathToFileURL(file).href)) as { results: [actual: unknown, expected: unknown][] }
    for (const [actual, expected] of results) assert.deepEqual(actual, expected, example)
    checked += results.length
  }
  assert.equal(checked, README.split('// =>').length - 2, 'every line with // => is run; the text names it once')
})

/** R4's StructureDefinitions as a package has them: a file each. */
function unpackDefinitions(folder: string): void {
  mkdirSync(folder)
  const definitions = definitionsWith([])
  for (const [i, canonical] of [...definitions.all('StructureDefinition')].entries())
    writeFileSync(join(folder, `${i}.json`), JSON.stringify(definitions.find('StructureDefinition', canonical)))
}

/** `expression // => value` becomes an entry of the list the example exports. */
function asserting(example: string): string {
  const lines = example.split('\n').map((line) => {
    const match = /^(.*) \/\/ => (.*)$/.exec(line)
    return match === null ? line : `results.push([${match[1]}, ${match[2]}])`
  })
  return `export const results = []\n${lines.join('\n')}`
}

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { startTestServer } from '../fixtures/server.ts'

/** Between the commands of a page and in what they answer: each command's answer ends with it. */
const MARK = '--- end of command ---'

/** A command with what the page says it answers. */
interface Example {
  command: string
  says: string[]
}

/** The `sh` blocks of a page: commands are set apart by `# =>` lines and by empty lines. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/how-to', page), 'utf8')
  const examples: Example[] = []
  for (const [, block] of text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)) {
    for (const paragraph of (block as string).split('\n\n')) {
      const lines = paragraph.trimEnd().split('\n')
      const says = lines.filter((line) => line.startsWith('# => '))
      const command = lines.filter((line) => !line.startsWith('# => ')).join('\n')
      examples.push({ command, says: says.map((line) => line.slice('# => '.length)) })
    }
  }
  return examples
}

for (const [page, examples] of [
  ['use-terminology.md', 12],
  ['search.md', 12],
  ['define-a-search-parameter.md', 7],
  ['use-operations.md', 12],
  ['bulk-data.md', 5],
] as const)
  test(`the commands of ${page} answer what the page says`, (t) => runPage(t, page, examples))

async function runPage(t: TestContext, page: string, fewest: number): Promise<void> {
  const examples = examplesOf(page)
  assert.ok(examples.filter(({ says }) => says.length > 0).length >= fewest, 'the page has its examples')
  const server = await startTestServer()
  const folder = mkdtempSync(join(tmpdir(), 'salus-how-to-'))
  t.after(async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  })
  const { token } = await server.client()
  const program = (name: string, line: string): void =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${line}\n`, { mode: 0o700 })
  program('npm', `[ "$*" = "run --silent salus -- token" ] && echo '${token}'`)
  program('curl', `exec '${process.execPath}' '${join(import.meta.dirname, '../fixtures/curl.ts')}' "$@"`)
  const script = examples.map(({ command }) => `${command}\necho '${MARK}'`).join('\n')
  const { stdout } = await promisify(execFile)(
    'sh',
    ['-eu', '-c', script.replaceAll('http://127.0.0.1:8420', server.url)],
    { env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` } },
  )
  const answers = stdout.split(`${MARK}\n`)
  assert.equal(answers.length, examples.length + 1)
  for (const [index, { command, says }] of examples.entries())
    for (const part of says)
      assert.ok(
        answers[index]?.includes(part.replaceAll('http://127.0.0.1:8420', server.url)),
        `${command}\nshould answer ${part}, not\n${answers[index]?.slice(0, 2_000)}`,
      )
}

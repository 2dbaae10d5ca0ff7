import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { capture } from './checks.ts'
import { ROOT } from './files.ts'

/** What the type-aware lint says of a file in a folder of its own. */
async function lint(text: string): Promise<{ code: number; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'lint-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
    writeFileSync(join(folder, 'tsconfig.json'), `{ "extends": "${ROOT}/tsconfig.json", "include": ["*.ts"] }\n`)
    writeFileSync(join(folder, 'case.ts'), text)
    const program = join(ROOT, 'node_modules', '.bin', 'oxlint')
    return await capture(program, [
      '--type-aware',
      '--deny-warnings',
      '-c',
      join(ROOT, '.oxlintrc.json'),
      join(folder, 'case.ts'),
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const MUST_FAIL: { rule: string; text: string }[] = [
  { rule: 'no-floating-promises', text: 'export function f(p: () => Promise<void>): void {\n  p()\n}\n' },
  {
    rule: 'no-misused-promises',
    text: 'export const f = (a: number[]): void => a.forEach(async () => Promise.resolve())\n',
  },
  { rule: 'await-thenable', text: 'export async function f(n: number): Promise<number> {\n  return await n\n}\n' },
  { rule: 'no-explicit-any', text: 'export const f = (a: any): unknown => a\n' },
  { rule: 'no-unsafe-member-access', text: "export const f = (): unknown => JSON.parse('{}').a\n" },
]

for (const { rule, text } of MUST_FAIL)
  test(`lint refuses ${rule}`, async () => {
    const { code, output } = await lint(text)
    assert.equal(code, 1)
    assert.match(output, new RegExp(`\\(${rule}\\)`))
  })

test('lint is quiet on good code, tests at top level included', async () => {
  const { code, output } = await lint(
    "import { test } from 'node:test'\n\ntest('waits', async () => {\n  await Promise.resolve()\n})\n",
  )
  assert.equal(code, 0, output)
})

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, LibrarySuite, Suite } from './suite.ts'

const HEAD = `# Conformance

What the running server was measured by, and what is known to be missing. Written by \`npm run conformance\`; do not edit.
The material is not part of this repository: it is read from \`../shared/corpora\`.
`

/** Put a suite's section into docs/reference/conformance.md; the other sections stay. The same results give the same text. */
export function writeReport(root: string, corpora: string, suite: Suite | LibrarySuite, cases: readonly Case[]): void {
  const path = join(root, 'docs', 'reference', 'conformance.md')
  const sections = existsSync(path) ? sectionsOf(readFileSync(path, 'utf8')) : new Map<string, string>()
  sections.set(suite.name, section(corpora, suite, cases))
  const text = [...sections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
  writeFileSync(path, `${[HEAD, ...text].join('\n')}`)
}

function sectionsOf(page: string): Map<string, string> {
  const parts = page.split(/^(?=## )/m).slice(1)
  return new Map(parts.map((part) => [part.slice(3, part.indexOf('\n')), `${part.trimEnd()}\n`]))
}

function section(corpora: string, suite: Suite | LibrarySuite, cases: readonly Case[]): string {
  const count = (wanted: Case['outcome']): number => cases.filter(({ outcome }) => outcome === wanted).length
  const noted = cases.filter(({ outcome, note }) => outcome === 'passed' && note !== undefined)
  const open = cases.filter(({ outcome }) => outcome !== 'passed')
  return [
    `## ${suite.name}`,
    '',
    suite.proves,
    '',
    ...suite.folders.map((folder) => `- \`${folder}\`: ${sourceOf(corpora, folder)}`),
    `- ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} known or skipped`,
    ...(open.length === 0 ? [] : ['', '| Not passed | Why |', '|---|---|']),
    ...open.map(({ name, reason }) => `| \`${name}\` | ${(reason ?? '').replaceAll('|', '\\|')} |`),
    ...(noted.length === 0 ? [] : ['', '| Passed | Note |', '|---|---|']),
    ...noted.map(({ name, note }) => `| \`${name}\` | ${(note ?? '').replaceAll('|', '\\|')} |`),
    '',
  ].join('\n')
}

/** Source, commit and date of a folder, as the corpora's README has them. */
function sourceOf(corpora: string, folder: string): string {
  const row = readFileSync(join(corpora, 'README.md'), 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`| \`${folder.split('/')[0]}\` |`))
  return row?.split('|')[4]?.trim() ?? 'source not recorded'
}

// npm run conformance [-- name ...]: the product against outside material in ../shared/corpora.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startTestServer } from '../fixtures/server.ts'
import { expectedFailures, judged } from './expected-failures.ts'
import { fhirPath } from './fhirpath.ts'
import { graphql } from './graphql.ts'
import { inferno } from './inferno.ts'
import { mockHealth } from './mock-health.ts'
import { writeReport } from './report.ts'
import { r4Examples, usCoreExamples } from './round-trip.ts'
import type { Case, LibrarySuite, Suite } from './suite.ts'
import { synthea } from './synthea.ts'
import { terminology } from './terminology.ts'
import { usCore } from './us-core.ts'
import { validator } from './validator.ts'
import { xml } from './xml.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const CORPORA = join(ROOT, '..', 'shared', 'corpora')
const SUITES: readonly (Suite | LibrarySuite)[] = [
  fhirPath,
  graphql,
  r4Examples,
  usCoreExamples,
  inferno,
  usCore,
  synthea,
  mockHealth,
  terminology,
  validator,
  xml,
]

process.exit(await main(process.argv.slice(2)))

async function main(names: string[]): Promise<number> {
  const chosen = names.length === 0 ? SUITES : SUITES.filter((suite) => names.includes(suite.name))
  if (chosen.length < names.length) {
    console.error(`usage: npm run conformance [-- ${SUITES.map((suite) => suite.name).join(' | ')}]`)
    return 2
  }
  const all: Case[] = []
  for (const suite of chosen) {
    console.log(`\n== ${suite.name}`)
    if (suite.folders.some((folder) => !existsSync(join(CORPORA, folder)))) {
      console.log('skipped: corpora absent')
      all.push({ name: suite.name, outcome: 'skipped' })
      continue
    }
    const cases = judged(await runSuite(suite), expectedFailures(suite.name))
    for (const { name, outcome, reason } of cases)
      if (outcome !== 'passed') console.log(`${outcome}  ${name}: ${reason}`)
    console.log(counts(cases))
    writeReport(ROOT, CORPORA, suite, cases)
    all.push(...cases)
  }
  console.log(`\n${counts(all)}`)
  return all.some(({ outcome }) => outcome === 'failed') ? 1 : 0
}

async function runSuite(suite: Suite | LibrarySuite): Promise<Case[]> {
  if ('runLibrary' in suite) return Array.fromAsync(suite.runLibrary(CORPORA))
  const server = await startTestServer({ tenants: 2 })
  const cases: Case[] = []
  try {
    for await (const one of suite.run(server, CORPORA)) cases.push(one)
  } finally {
    await server.close()
  }
  return cases
}

function counts(cases: readonly Case[]): string {
  const count = (wanted: Case['outcome']): number => cases.filter(({ outcome }) => outcome === wanted).length
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`
}

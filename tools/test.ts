// npm test [-- [--fast] [path fragment ...]]: static checks, then every *.test.ts file.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CHECKS, FAST_CHECKS, runChecks } from './testing/checks.ts'
import { findTestFiles, ROOT } from './testing/files.ts'
import { runTests } from './testing/run-tests.ts'

const USAGE = `usage: npm test [-- [--fast] [path fragment ...]]

  --fast           skip lint and unused-code checks
  path fragment    run only test files whose path contains it, and no static checks
`

interface TestCluster {
  url: string
  stop(): Promise<void>
}

await main(process.argv.slice(2))

async function main(args: string[]): Promise<void> {
  const fragments = args.filter((arg) => !arg.startsWith('--'))
  const options = args.filter((arg) => arg.startsWith('--'))
  const unknown = options.find((option) => option !== '--fast')
  if (unknown !== undefined) {
    process.stderr.write(USAGE)
    process.exit(unknown === '--help' ? 0 : 2)
  }
  // Tools and tests find this Node and the packages' programs first, whatever the machine has.
  process.env['PATH'] = `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`

  const files = findTestFiles(fragments)
  if (fragments.length > 0 && files.length === 0) {
    process.stderr.write(`No test file's path contains ${fragments.join(' or ')}.\n`)
    process.exit(2)
  }
  const cluster = startCluster()
  const stopAndExit = (code: number): void => {
    void cluster.then((started) => started?.stop()).finally(() => process.exit(code))
  }
  process.once('SIGINT', () => stopAndExit(130))
  process.once('SIGTERM', () => stopAndExit(143))

  const checks = fragments.length > 0 ? [] : options.includes('--fast') ? FAST_CHECKS : CHECKS
  const failedChecks = await runChecks(checks)
  const started = await cluster
  if (started) process.env['SALUS_TEST_DATABASE_URL'] = started.url
  const counts = await runTests(files)
  await started?.stop()

  for (const name of failedChecks) process.stdout.write(`Check failed: ${name} (see above)\n`)
  // A failed check counts as one failure, so that the closing line never looks clean when the run was not.
  const failed = counts.failed + failedChecks.length
  process.stdout.write(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`)
  process.exit(failed === 0 ? 0 : 1)
}

/** One PostgreSQL for all test files; each test file makes its own database in it. */
async function startCluster(): Promise<TestCluster | undefined> {
  const path = join(ROOT, 'test', 'fixtures', 'database.ts')
  if (!existsSync(path)) return undefined
  try {
    const module = (await import(pathToFileURL(path).href)) as { startTestCluster(): Promise<TestCluster> }
    return await module.startTestCluster()
  } catch (error) {
    process.stderr.write(`The test database did not start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}

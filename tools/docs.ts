// npm run docs [-- --check]: writes docs/reference/*.md from the source; with --check fails if a page is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cliPage } from './docs/cli-page.ts'
import { configurationPage } from './docs/configuration-page.ts'
import { faultsPage } from './docs/faults-page.ts'
import { metricsPage } from './docs/metrics-page.ts'
import { ROOT } from './testing/files.ts'

const folder = join(ROOT, 'docs', 'reference')
const check = process.argv.includes('--check')
const pages = [
  { name: 'configuration.md', text: configurationPage() },
  { name: 'faults.md', text: faultsPage(ROOT) },
  { name: 'metrics.md', text: metricsPage() },
  { name: 'cli.md', text: await cliPage(ROOT) },
]

const stale = pages.filter(({ name, text }) => {
  const path = join(folder, name)
  return text !== (existsSync(path) ? readFileSync(path, 'utf8') : undefined)
})
if (!check) {
  mkdirSync(folder, { recursive: true })
  for (const { name, text } of stale) if (text !== undefined) writeFileSync(join(folder, name), text)
}
for (const { name } of stale)
  console.log(check ? `docs/reference/${name} is out of date. Run: npm run docs` : `wrote docs/reference/${name}`)
// The default metrics keep a timer.
process.exit(check && stale.length > 0 ? 1 : 0)

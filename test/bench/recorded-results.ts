import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../../tools/testing/files.ts'
import type { RecordedResult } from './performance-page.ts'

/** One JSON line per result of every full run on this machine; not part of the repository. */
export const RESULTS_FILE = join(ROOT, '.build', 'bench.jsonl')

export function recordResult(result: RecordedResult): void {
  mkdirSync(dirname(RESULTS_FILE), { recursive: true })
  appendFileSync(RESULTS_FILE, `${JSON.stringify(result)}\n`)
}

/** The newest result of each benchmark in `order`. */
export function newestResults(order: readonly string[]): RecordedResult[] {
  if (!existsSync(RESULTS_FILE)) return []
  const lines = readFileSync(RESULTS_FILE, 'utf8').split('\n')
  const newest = new Map<string, RecordedResult>()
  for (const line of lines) {
    if (line === '') continue
    const result = JSON.parse(line) as RecordedResult
    newest.set(result.bench, result)
  }
  return order.flatMap((name) => newest.get(name) ?? [])
}

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './suite.ts'

/** Known failures of a suite: case -> reason, from `expected/<suite>.txt` with one `case: reason` a line. */
export function expectedFailures(suite: string): Map<string, string> {
  const path = join(import.meta.dirname, 'expected', `${suite}.txt`)
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  return new Map(
    lines
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => {
        const split = line.indexOf(': ')
        if (split < 0) throw new Error(`${path}: "${line}" gives no reason after the case`)
        return [line.slice(0, split), line.slice(split + 2)]
      }),
  )
}

/** A known failure counts as skipped; a case on the list that passes, or does not exist, fails, so that the list shrinks. */
export function judged(cases: readonly Case[], expected: ReadonlyMap<string, string>): Case[] {
  const seen = new Set<string>()
  const result = cases.map((one): Case => {
    seen.add(one.name)
    const reason = expected.get(one.name)
    if (reason === undefined || one.outcome === 'skipped') return one
    return one.outcome === 'failed'
      ? { name: one.name, outcome: 'skipped', reason: `known: ${reason}` }
      : { name: one.name, outcome: 'failed', reason: 'it passes: take it off the list of expected failures' }
  })
  for (const name of expected.keys())
    if (!seen.has(name))
      result.push({ name, outcome: 'failed', reason: 'it is on the list of expected failures but does not exist' })
  return result
}

import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const TESTED = ['libs', 'server', 'apps', 'tools', 'test']
const SKIPPED = new Set(['node_modules', 'generated', '.build', '.salus', 'dist'])

/** Paths of every `*.test.ts` below the checkout that contain one of `fragments` (all, when there are none), sorted. */
export function findTestFiles(fragments: string[]): string[] {
  return TESTED.flatMap((folder) => walk(folder))
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => fragments.length === 0 || fragments.some((fragment) => path.includes(fragment)))
    .sort()
}

function walk(folder: string): string[] {
  // The fixtures of tidy are wrong on purpose.
  if (folder === 'tools/tidy/fixtures' || !existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return []
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? walk(path) : [path]
  })
}

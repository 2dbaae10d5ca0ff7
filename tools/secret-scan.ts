// node tools/run.mjs tools/secret-scan.ts [folder]: looks for secrets in the files under version control.
// It prints places and kinds, never what it found.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { findSecrets } from './secret-scan/find-secrets.ts'
import { ROOT } from './testing/files.ts'

/** Fixtures hold what must be found; the lock file holds hashes of packages. */
const SKIPPED =
  /^(?:tools\/secret-scan\/fixtures\/|package-lock\.json$)|(?:^|\/)(?:node_modules|\.git|\.salus|\.build)\//
const FILE_BYTES_MAX = 5_000_000

const folder = resolve(process.argv[2] ?? ROOT)
const files = trackedFiles(folder).filter((path) => !SKIPPED.test(path))
const found = files.flatMap((path) => secretsIn(path))
for (const { path, line, kind } of found)
  console.log(`${path}:${line}  ${kind}. Remove it, and treat it as known to others.`)
console.log(`${files.length} files scanned, ${found.length} secrets found`)
process.exit(found.length === 0 ? 0 : 1)

function secretsIn(path: string): { path: string; line: number; kind: string }[] {
  const full = join(folder, path)
  const stat = statSync(full, { throwIfNoEntry: false })
  if (!stat?.isFile() || stat.size > FILE_BYTES_MAX) return []
  const text = readFileSync(full, 'utf8')
  return text.includes('\0') ? [] : findSecrets(path, text).map((secret) => ({ path, ...secret }))
}

/** What git tracks, or every file where there is no repository (or git refuses it). */
function trackedFiles(root: string): string[] {
  // A clone made by another user is refused by git unless it is named as safe.
  const git = spawnSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const listed = git.status === 0 ? git.stdout.split('\0').filter((path) => path !== '') : []
  return listed.length > 0 ? listed : walk(root, '')
}

function walk(root: string, below: string): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (SKIPPED.test(`${path}/`)) return []
    return entry.isDirectory() ? walk(root, path) : [path]
  })
}

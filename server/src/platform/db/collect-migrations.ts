import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { assert } from '#kernel'

/** One forward step of one module's schema. */
export interface Migration {
  module: string
  number: number
  name: string
  sql: string
  /** SHA-256 of the text, hex. */
  hash: string
}

const FILE = /^(\d{4})-([a-z0-9-]+)\.sql$/

/**
 * The migrations in `dirs` (each `<module>/migrations`), in the order of `dirs` and then of their numbers.
 * Numbers of a module run from 1 without gaps; anything else in the folder is a bug.
 */
export function collectMigrations(dirs: readonly string[]): Migration[] {
  return dirs.flatMap((dir) => {
    const module = basename(dirname(dir))
    return readdirSync(dir)
      .sort()
      .map((file, index) => {
        const match = FILE.exec(file)
        assert(match, `${module}/migrations/${file} is not named NNNN-name.sql`)
        const number = Number(match[1])
        assert(number === index + 1, `${module}/migrations/${file}: number ${index + 1} comes next`)
        // A checkout with Windows line endings is the same migration.
        const sql = readFileSync(join(dir, file), 'utf8').replaceAll('\r\n', '\n')
        return { module, number, name: match[2] ?? '', sql, hash: createHash('sha256').update(sql).digest('hex') }
      })
  })
}

/** Modules in the order in which they may lean on each other; see ARCHITECTURE.md, "Floors". */
const FLOORS: readonly (readonly [floor: string, modules: readonly string[]])[] = [
  ['platform', ['db', 'events', 'audit', 'vault', 'identity']],
  ['record', ['definitions', 'terminology', 'fhir']],
  ['features', []],
]

/** The migrations folders of all modules under `server/src`, lowest floor first. */
export function migrationDirs(serverSource: string): string[] {
  return FLOORS.flatMap(([floor, known]) => {
    const root = join(serverSource, floor)
    if (!existsSync(root)) return []
    const place = (module: string): number => (known.includes(module) ? known.indexOf(module) : known.length)
    return readdirSync(root)
      .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
      .map((module) => join(root, module, 'migrations'))
      .filter((dir) => existsSync(dir))
  })
}

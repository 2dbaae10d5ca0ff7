import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join, posix } from 'node:path'
import { lineAt, readSource, type Source } from './source.ts'

/** What a rule sees: the sources and the other text files below one folder. */
export interface Repository {
  root: string
  /** TypeScript and JavaScript written by hand. */
  sources: Source[]
  /** Every text file, sources included, except generated ones. */
  texts: { path: string; text: string }[]
  /** Paths of all files. */
  paths: Set<string>
}

export interface Import {
  specifier: string
  line: number
  /** For a relative import: the path it leads to, relative to the checkout. */
  target?: string
}

const SKIPPED_FOLDERS = new Set(['node_modules', '.git', '.salus', '.build', 'dist', 'coverage', 'generated'])
const TEXT_ENDINGS = new Set(['.ts', '.tsx', '.mjs', '.js', '.json', '.md', '.sql', '.sh', '.yml', '.yaml', '.txt', ''])
/** Bigger files are data. */
const TEXT_BYTES_MAX = 1_000_000

/** Read everything below `root` once. Tidy's own fixtures are wrong on purpose and are left out. */
export function readRepository(root: string): Repository {
  const repository: Repository = { root, sources: [], texts: [], paths: new Set() }
  visit(root, '', repository)
  return repository
}

function visit(root: string, folder: string, repository: Repository): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name) && path !== 'tools/tidy/fixtures') visit(root, path, repository)
    } else if (entry.isFile()) {
      repository.paths.add(path)
      addText(root, path, repository)
    }
  }
}

function addText(root: string, path: string, repository: Repository): void {
  if (!TEXT_ENDINGS.has(extname(path)) || path.endsWith('.generated.ts')) return
  const text = readFileSync(join(root, path), 'utf8')
  if (text.length > TEXT_BYTES_MAX || text.includes('\0')) return
  repository.texts.push({ path, text })
  if (/\.(ts|tsx|mjs|js)$/.test(path) && !text.startsWith('// generated'))
    repository.sources.push(readSource(path, text))
}

/** Every import and re-export of a file, static and dynamic, types too. */
export function importsOf(source: Source): Import[] {
  let found = imports.get(source)
  if (found === undefined) imports.set(source, (found = readImports(source)))
  return found
}

/** Several rules ask for the same file's imports. */
const imports = new WeakMap<Source, Import[]>()

function readImports(source: Source): Import[] {
  return source.literals.flatMap((literal) => {
    const before = source.code.slice(Math.max(0, literal.start - 20), literal.start)
    if (!/(?:\bfrom|\bimport)\s*\(?\s*$/.test(before) || literal.built) return []
    const found: Import = { specifier: literal.value, line: lineAt(source.text, literal.start) }
    if (literal.value.startsWith('.')) found.target = posix.normalize(`${dirname(source.path)}/${literal.value}`)
    return [found]
  })
}

const OWN_FLOOR = /^server\/src\/(kernel|roles)\//
const SERVER_MODULE = /^server\/src\/(?:platform|record|features)\/([^/]+)\//
const PACKAGE = /^(libs|apps)\/([^/]+)\//

/** The module a file belongs to: `kernel`, `db`, `fhir`, `roles`, `libs/fhirpath`, `apps/cli`, `tools`, `test`. */
export function moduleOf(path: string): string {
  const own = OWN_FLOOR.exec(path)
  if (own?.[1] !== undefined) return own[1]
  const server = SERVER_MODULE.exec(path)
  if (server?.[1] !== undefined) return server[1]
  const workspace = PACKAGE.exec(path)
  if (workspace) return `${workspace[1]}/${workspace[2]}`
  return path.split('/')[0] ?? ''
}

/** True for tests and what only they use. */
export function isTest(path: string): boolean {
  return /\.(test|bench)\.ts$/.test(path) || path.startsWith('test/')
}

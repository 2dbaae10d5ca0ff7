// node tools/run.mjs libs/fhir-validator/tools/build-package.ts [directory]: the library as one package of JavaScript without
// dependencies; prints where it wrote. The repository runs TypeScript as it is written, which Node does not do below node_modules.
import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

const PACKAGE = join(import.meta.dirname, '..')
const ROOT = join(PACKAGE, '..', '..')
/** What the package is made of: itself, and the two it leans on, which are published nowhere. */
const LIBRARIES = ['fhirpath', 'fhir-model', 'fhir-validator']

if (import.meta.main) {
  const into = process.argv[2] ?? join(ROOT, '.build', 'fhir-validator')
  buildPackage(into)
  process.stdout.write(`${into}\n`)
}

/** Writes JavaScript, types, README and licence to `into`. The compiler is told of no Node: the library runs anywhere. */
export function buildPackage(into: string): void {
  const dist = join(into, 'dist')
  mkdirSync(into, { recursive: true })
  execFileSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), ...flags(dist)])
  for (const file of globSync('**/*.{js,d.ts}', { cwd: dist })) nameByPath(dist, file)
  const {
    dependencies: _,
    files: __,
    ...description
  } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as Record<string, unknown>
  const entry = './dist/fhir-validator/src/index'
  const published = {
    ...description,
    files: ['dist'],
    exports: { '.': { types: `${entry}.d.ts`, default: `${entry}.js` } },
  }
  writeFileSync(join(into, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  copyFileSync(join(PACKAGE, 'README.md'), join(into, 'README.md'))
  copyFileSync(join(ROOT, 'LICENSE'), join(into, 'LICENSE'))
}

/** Import the other two by where they lie in this package. */
function nameByPath(dist: string, file: string): void {
  const path = join(dist, file)
  const code = readFileSync(path, 'utf8').replaceAll(/(['"])@salus\/([a-z-]+)\1/g, (_, quote: string, name: string) => {
    const to = relative(dirname(path), join(dist, name, 'src', 'index.js')).replaceAll(sep, '/')
    return `${quote}${to.startsWith('.') ? to : `./${to}`}${quote}`
  })
  writeFileSync(path, code)
}

function flags(outDir: string): string[] {
  const strictness = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--skipLibCheck']
  const platform = ['--target', 'es2022', '--lib', 'es2024,dom', '--types', '', '--module', 'nodenext']
  const output = [
    '--declaration',
    '--rewriteRelativeImportExtensions',
    '--rootDir',
    join(ROOT, 'libs'),
    '--outDir',
    outDir,
  ]
  const entries = LIBRARIES.map((name) => join(ROOT, 'libs', name, 'src', 'index.ts'))
  return ['--ignoreConfig', ...strictness, ...platform, ...output, ...entries]
}

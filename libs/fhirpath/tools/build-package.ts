// node tools/run.mjs libs/fhirpath/tools/build-package.ts [directory]: what `npm publish <directory>` takes;
// prints where it wrote. The repository runs TypeScript as it is written; a package has to bring JavaScript, because Node strips no types below
// node_modules.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGE = join(import.meta.dirname, '..')
const ROOT = join(PACKAGE, '..', '..')

if (import.meta.main) {
  const into = process.argv[2] ?? join(ROOT, '.build', 'fhirpath')
  buildPackage(into)
  process.stdout.write(`${into}\n`)
}

/** Writes JavaScript, types, README and licence to `into`. The compiler is told of no Node: the library runs anywhere. */
export function buildPackage(into: string): void {
  mkdirSync(into, { recursive: true })
  execFileSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), ...flags(join(into, 'dist'))])
  const {
    exports: _,
    files: __,
    ...description
  } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as Record<string, unknown>
  const published = {
    ...description,
    files: ['dist'],
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  }
  writeFileSync(join(into, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  copyFileSync(join(PACKAGE, 'README.md'), join(into, 'README.md'))
  copyFileSync(join(ROOT, 'LICENSE'), join(into, 'LICENSE'))
}

function flags(outDir: string): string[] {
  const strictness = ['--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes', '--skipLibCheck']
  const platform = ['--target', 'es2022', '--lib', 'es2024,dom', '--types', '', '--module', 'nodenext']
  const output = ['--declaration', '--rewriteRelativeImportExtensions', '--outDir', outDir]
  return ['--ignoreConfig', ...strictness, ...platform, ...output, join(PACKAGE, 'src', 'index.ts')]
}

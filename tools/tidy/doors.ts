import { type Import, importsOf, isTest, moduleOf } from './repository.ts'
import type { Problem, Rule } from './rule.ts'
import type { Source } from './source.ts'

/** Other modules are imported by their door: `#name`, `#name/events`, a library by its package name. */
export const doors: Rule = {
  name: 'doors',
  check: (repository) =>
    repository.sources.flatMap((source) =>
      importsOf(source).flatMap((found): Problem[] => {
        const message = fault(source, found)
        return message === undefined ? [] : [{ path: source.path, line: found.line, message }]
      }),
    ),
}

function fault(source: Source, found: Import): string | undefined {
  const { specifier, target } = found
  if (target !== undefined) return faultOfRelative(source, specifier, target)
  if (/^@salus\/(fhir-model|fhirpath|hl7v2|ccda|x12|dicom)\/./.test(specifier))
    return `${specifier} reaches behind a library's door. Import the package by its name.`
  if (specifier.startsWith('#') && !/^#[a-z0-9-]+(\/events|\/module)?$/.test(specifier))
    return `${specifier} is no door. A module has the doors #name and #name/events.`
  if (specifier.startsWith('@salus/server') && source.path.startsWith('server/src/'))
    return `${specifier} goes around the house. Inside the server import by #name.`
  return undefined
}

function faultOfRelative(source: Source, specifier: string, target: string): string | undefined {
  const from = moduleOf(source.path)
  const to = moduleOf(target)
  if (from === to) return /\.(ts|tsx|mjs|js|json)$/.test(target) ? undefined : `${specifier} needs its file ending.`
  // A package may read its own description.
  if (
    /^(?:server|libs\/[^/]+|apps\/[^/]+)\/package\.json$/.test(target) &&
    source.path.startsWith(target.slice(0, -12))
  )
    return undefined
  if (to === 'test' && isTest(source.path)) return undefined
  if (from === 'roles' && target.endsWith('/module.ts')) return undefined
  if (from === 'test' || from === 'tools' || isTest(source.path)) return faultOfOutsider(specifier, target, to)
  return `${specifier} reaches into ${to}. Import it by its door (${doorOf(to)}).`
}

/** Tests and tools live outside the server's package, so they take the door by its path. */
function faultOfOutsider(specifier: string, target: string, to: string): string | undefined {
  const inServer = target.startsWith('server/src/')
  if (!inServer && (target.startsWith('tools/') || /^(apps|server|libs)\/[^/]+\/(src\/)?[^/]+$/.test(target)))
    return undefined
  if (inServer && (to === 'roles' || /\/(index|events|module)\.ts$/.test(target))) return undefined
  return `${specifier} reaches into ${to}. Import its door (index.ts) or a role.`
}

function doorOf(module: string): string {
  return module.startsWith('libs/') ? `@salus/${module.slice(5)}` : `#${module}`
}

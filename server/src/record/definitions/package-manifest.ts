import { raise } from '#kernel'
import { PACKAGE_LIMITS } from './package-limits.ts'

/** What package.json says, checked. https://hl7.org/fhir/packages.html */
export interface PackageManifest {
  name: string
  version: string
  dependencies: Record<string, string>
}

const NAME = /^(?:@[a-z0-9][\w.-]{0,63}\/)?[a-z0-9][\w.-]{0,127}$/i
const VERSION = /^[\w][\w.+-]{0,63}$/
/** The only FHIR version that is served. */
const FHIR_VERSION = /^4\.0(\.|$)/

/**
 * The manifest in package.json, or the name and version given on the command line, which go before it.
 * Faults `definitions.package.manifest`, `definitions.package.fhir-version`.
 */
export function readManifest(json: unknown, given: { name?: string; version?: string }): PackageManifest {
  const manifest = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {}
  const name = given.name ?? manifest['name']
  const version = given.version ?? manifest['version']
  if (typeof name !== 'string' || typeof version !== 'string')
    return refuse('It has no package.json with a name and a version. Give --name and --version.')
  if (!NAME.test(name) || !VERSION.test(version))
    return refuse('Its name or version is not one of a package: letters, digits, dots and hyphens.')
  const fhirVersions = manifest['fhirVersions'] ?? manifest['fhir-version-list']
  if (Array.isArray(fhirVersions) && !fhirVersions.some((each) => FHIR_VERSION.test(String(each))))
    raise({
      category: 'invalid',
      code: 'definitions.package.fhir-version',
      message: `${name} ${version} is for another version of FHIR. Install its edition for R4 (4.0.1).`,
    })
  return { name, version, dependencies: dependenciesOf(manifest['dependencies']) }
}

function dependenciesOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  const all: [string, unknown][] = Object.entries(value)
  if (all.length > PACKAGE_LIMITS.dependenciesMax) refuse('It names too many dependencies.')
  const named: Record<string, string> = {}
  for (const [name, version] of all)
    if (NAME.test(name) && typeof version === 'string' && VERSION.test(version)) named[name] = version
  return named
}

function refuse(message: string): never {
  return raise({
    category: 'invalid',
    code: 'definitions.package.manifest',
    message: `${message} Nothing was installed.`,
  })
}

import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { raise } from '#kernel'
import { archiveEntries, type PackageEntry } from './archive-entries.ts'
import { compactDefinition } from './compact-definition.ts'
import { type Definition, isDefinitionType } from './definition.ts'
import { fileEntry, folderEntries } from './folder-entries.ts'
import { type Pack, PackWriter } from './pack.ts'
import { shown, tooLarge } from './package-faults.ts'
import { PACKAGE_LIMITS } from './package-limits.ts'
import { type PackageManifest, readManifest } from './package-manifest.ts'
import { parseJson } from './parse-json.ts'

/** Where a package comes from and how it is read. */
export interface PackageSource {
  /** A `.tgz` as packages are published, a folder, or a `.json` file with one definition or a Bundle of them. */
  path: string
  /** Go before those in package.json; needed where there is none. */
  name?: string
  version?: string
  /** The definitions among the package's examples, too. */
  withExamples?: boolean
}

/** A package that was read and found in order. */
export interface ReadPackage extends PackageManifest {
  pack: Pack
  sha256: string
  fileBytes: number
  /** Resources of kinds that are not kept, and definitions without a URL. */
  passedOver: number
}

const MANIFEST = 'package/package.json'

/**
 * Read a package into memory, writing nothing anywhere. Faults `definitions.package.*`: unreadable, damaged, too-large,
 * entry-refused, manifest, fhir-version, definition-invalid, empty.
 */
export async function readPackage(source: PackageSource): Promise<ReadPackage> {
  const hash = createHash('sha256')
  const { entries, fileBytes } = await openSource(source, hash)
  const reader = new Reader()
  for await (const { name, bytes } of entries) {
    if (name === MANIFEST) reader.takeManifest(bytes)
    else reader.take(name, parseJson(name, bytes))
  }
  const manifest = readManifest(reader.manifest, source)
  if (reader.writer.count === 0)
    raise({
      category: 'invalid',
      code: 'definitions.package.empty',
      message: 'The package has no definitions: no StructureDefinition, ValueSet, CodeSystem or the like with a url.',
    })
  const pack = reader.writer.end(manifest)
  return { ...manifest, pack, sha256: hash.digest('hex'), fileBytes, passedOver: reader.passedOver }
}

async function openSource(
  { path, withExamples = false }: PackageSource,
  hash: ReturnType<typeof createHash>,
): Promise<{ entries: AsyncIterable<PackageEntry>; fileBytes: number }> {
  const found = await stat(path).catch((error: unknown) =>
    raise(
      {
        category: 'not-found',
        code: 'definitions.package.unreadable',
        message: `${path} cannot be read. Name a package file (.tgz), a folder or a .json file.`,
      },
      error,
    ),
  )
  const shape = withExamples ? /^package\/(?:example\/)?[^/.][^/]*\.json$/ : /^package\/[^/.][^/]*\.json$/
  const wanted = (name: string): boolean => shape.test(name)
  if (found.isDirectory()) return { entries: folderEntries(path, hash, wanted), fileBytes: 0 }
  if (found.size > PACKAGE_LIMITS.fileBytesMax) tooLarge(`the file has ${found.size} bytes`)
  const entries = path.endsWith('.json') ? fileEntry(path, hash) : archiveEntries(path, hash, wanted)
  return { entries, fileBytes: found.size }
}

class Reader {
  manifest: unknown
  readonly writer = new PackWriter()
  passedOver = 0
  readonly #seen = new Set<string>()

  takeManifest(bytes: Buffer): void {
    if (bytes.length > PACKAGE_LIMITS.manifestBytesMax) tooLarge(`package.json has ${bytes.length} bytes`)
    this.manifest = parseJson(MANIFEST, bytes)
  }

  /** Keep a definition, or those in a Bundle. */
  take(name: string, json: unknown): void {
    const resource = json as { resourceType?: unknown; url?: unknown; entry?: unknown } | null
    if (resource?.resourceType === 'Bundle' && Array.isArray(resource.entry))
      for (const entry of resource.entry) this.#keep(name, (entry as { resource?: unknown } | null)?.resource)
    else this.#keep(name, json)
  }

  #keep(name: string, json: unknown): void {
    const resource = json as Definition | null | undefined
    if (!isDefinitionType(resource?.resourceType) || resource?.url === undefined) {
      this.passedOver++
      return
    }
    const { resourceType, url, version = '' } = resource
    if (
      !isKey(url, PACKAGE_LIMITS.urlCharsMax, /^[^\s\p{C}]+$/u) ||
      !isKey(version, PACKAGE_LIMITS.versionCharsMax, /^\P{C}*$/u)
    )
      return invalid(
        `${shown(name)} has a url or version that is no text, is too long, or has characters it may not have`,
      )
    const key = `${resourceType} ${url}|${version}`
    if (this.#seen.has(key)) return invalid(`it has two definitions of ${shown(key)}`)
    this.#seen.add(key)
    if (this.#seen.size > PACKAGE_LIMITS.definitionsMax)
      tooLarge(`it has more than ${PACKAGE_LIMITS.definitionsMax} definitions`)
    this.writer.add(compactDefinition(resource))
  }
}

function isKey(value: unknown, charsMax: number, pattern: RegExp): value is string {
  return typeof value === 'string' && value.length <= charsMax && pattern.test(value)
}

function invalid(what: string): never {
  return raise({
    category: 'invalid',
    code: 'definitions.package.definition-invalid',
    message: `The package cannot be installed: ${what}. Nothing was installed.`,
  })
}

// node tools/run.mjs tools/generate-definitions.ts [R4 folder] [terminology folder]: writes server/src/record/definitions/data/.
//
// The folders are unpacked packages; without them the packages are fetched into a temporary folder. hl7.fhir.r4.examples is,
// despite its name, the only R4 package with every definition as a file.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Definition, type SourcePackage, writeBuiltInDefinitions } from '../server/src/record/definitions/index.ts'

const CORE_PACKAGE = 'hl7.fhir.r4.examples@4.0.1'
const TERMINOLOGY_PACKAGE = 'hl7.terminology.r4@7.0.1'

/** Search parameters and operations of R4 are in libs/fhir-model; its capability statements are examples. */
const TYPES = /^(StructureDefinition|ValueSet|CodeSystem|ConceptMap)-.*\.json$/

function fetchPackage(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'salus-definitions-'))
  execFileSync('npm', ['pack', name, '--silent'], { cwd: folder })
  const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'))
  if (archive === undefined) throw new Error(`npm pack ${name} left no archive in ${folder}`)
  execFileSync('tar', ['-xzf', archive], { cwd: folder })
  return folder
}

function read(pack: string, given: string | undefined): SourcePackage {
  const fetched = given === undefined ? fetchPackage(pack) : undefined
  const folder = given ?? join(fetched ?? '', 'package')
  try {
    const names = readdirSync(folder).filter((name) => TYPES.test(name))
    const definitions = names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Definition)
    console.log(`${pack}: ${definitions.length} definitions`)
    return { version: pack.slice(pack.indexOf('@') + 1), definitions }
  } finally {
    if (fetched !== undefined) rmSync(fetched, { recursive: true, force: true })
  }
}

writeBuiltInDefinitions({
  core: read(CORE_PACKAGE, process.argv[2]),
  terminology: read(TERMINOLOGY_PACKAGE, process.argv[3]),
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { FaultError, systemClock } from '../../server/src/kernel/index.ts'
import type { Database } from '../../server/src/platform/db/index.ts'
import { openPackages } from '../../server/src/record/definitions/index.ts'
import { type TarEntry, tarArchive } from '../fixtures/tar-archive.ts'
import type { Chance } from './chance.ts'
import { AWKWARD, mutated } from './mutate.ts'
import type { Target } from './target.ts'

const NAMES = ['package/', 'package/x.json', 'package/package.json', '../', '/', 'a/b', '\\', 'example/', '.index.json']
const MANIFEST = { name: 'fuzz.package', version: '1.0.0', fhirVersions: ['4.0.1'], dependencies: { a: '1.0.0' } }
const DEFINITION = {
  resourceType: 'StructureDefinition',
  url: 'http://fuzz.example/profile',
  version: '1.0.0',
  snapshot: {
    element: [
      { path: 'Patient', type: [{ code: 'x' }], constraint: [{ key: 'a' }], binding: { strength: 'required' } },
    ],
  },
}

/** Package files that are wrong anywhere: each is installed, or refused with a fault. */
export function packageTarget(database: Database): Target {
  const packages = openPackages({ database, clock: systemClock })
  return {
    name: 'packages of definitions',
    async run(chance) {
      const folder = mkdtempSync(join(tmpdir(), 'salus-fuzz-'))
      try {
        const path = join(folder, 'package.tgz')
        writeFileSync(path, archiveOf(chance))
        await packages.add({ path, withExamples: chance.once(2) }, { replace: true })
      } catch (error) {
        if (!(error instanceof FaultError)) throw error
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

function archiveOf(chance: Chance): Buffer {
  const entries: TarEntry[] = [
    { name: 'package/package.json', content: jsonOf(chance, MANIFEST) },
    { name: 'package/definition.json', content: jsonOf(chance, DEFINITION) },
  ]
  for (let more = chance.below(3); more > 0; more--)
    entries.push({
      name: chance.text([...NAMES, ...AWKWARD], 3).slice(0, 90),
      content: jsonOf(chance, DEFINITION),
      type: chance.pick(['0', '0', '0', '1', '2', '5', 'x', 'g', 'L', '7', '\0']),
      ...(chance.once(8) ? { claimedBytes: chance.below(100_000) } : {}),
    })
  const tar = tarArchive(entries)
  if (chance.once(3)) tar[chance.below(tar.length)] = chance.below(256)
  const archive = gzipSync(chance.once(6) ? tar.subarray(0, chance.below(tar.length)) : tar)
  if (chance.once(6)) archive[chance.below(archive.length)] = chance.below(256)
  return chance.once(8) ? archive.subarray(0, chance.below(archive.length)) : archive
}

function jsonOf(chance: Chance, value: object): string {
  return JSON.stringify(chance.once(2) ? value : mutated(chance, value)) ?? ''
}

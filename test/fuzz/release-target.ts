import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FaultError, systemClock } from '../../server/src/kernel/index.ts'
import type { Database } from '../../server/src/platform/db/index.ts'
import { openLoadedSystems, type ReleaseKind } from '../../server/src/record/terminology/index.ts'
import {
  cvxTextSample,
  cvxXmlSample,
  icd10cmOrderSample,
  icd10cmTabularSample,
  loincSample,
  rxnormSample,
  type SampleFiles,
  snomedSample,
} from '../fixtures/release-samples.ts'
import { zipArchive } from '../fixtures/zip-archive.ts'
import type { Chance } from './chance.ts'
import { AWKWARD } from './mutate.ts'
import type { Target } from './target.ts'

const RELEASES: readonly [ReleaseKind, SampleFiles][] = [
  ['snomed', snomedSample()],
  ['loinc', loincSample()],
  ['rxnorm', rxnormSample()],
  ['icd-10-cm', icd10cmTabularSample()],
  ['icd-10-cm', { ...icd10cmTabularSample(), ...icd10cmOrderSample() }],
  ['cvx', cvxTextSample()],
  ['cvx', cvxXmlSample()],
]

/** Releases of code systems that are wrong anywhere: each is loaded, or refused with a fault. */
export function releaseTarget(database: Database): Target {
  const systems = openLoadedSystems({ database, clock: systemClock })
  return {
    name: 'releases of code systems',
    async run(chance) {
      const folder = mkdtempSync(join(tmpdir(), 'salus-fuzz-'))
      try {
        const [kind, files] = chance.pick(RELEASES)
        const path = placed(chance, folder, changed(chance, files))
        const source = { kind, path, version: chance.once(20) ? chance.text(AWKWARD, 2) : '20240101' }
        await systems.load(source, { replace: true, onProgress: () => undefined })
      } catch (error) {
        if (!(error instanceof FaultError)) throw error
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

/** One file with some bytes, words or lines put in, taken away or doubled. */
function changed(chance: Chance, files: SampleFiles): Record<string, Buffer> {
  const chosen = chance.pick(Object.keys(files))
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [
      name,
      name === chosen ? spoilt(chance, content) : Buffer.from(content),
    ]),
  )
}

function spoilt(chance: Chance, content: string): Buffer {
  const bytes = Buffer.from(content)
  const at = chance.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + chance.below(40))
  switch (chance.below(6)) {
    case 0:
      return bytes
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(chance.text(AWKWARD, 3)), bytes.subarray(at)])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    case 4:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([chance.below(256)]), bytes.subarray(at + 1)])
  }
}

/** As a folder or as a zip archive, which may be damaged itself. */
function placed(chance: Chance, folder: string, files: Record<string, Buffer>): string {
  if (chance.once(2)) {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    return folder
  }
  const archive = zipArchive(Object.entries(files).map(([name, content]) => ({ name, content })))
  if (chance.once(4)) archive[chance.below(archive.length)] = chance.below(256)
  writeFileSync(join(folder, 'x.zip'), chance.once(8) ? archive.subarray(0, chance.below(archive.length)) : archive)
  return join(folder, 'x.zip')
}

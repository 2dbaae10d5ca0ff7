import { cvxRelease } from './cvx.ts'
import { icd10cmRelease } from './icd10cm.ts'
import { loincRelease } from './loinc.ts'
import type { Release } from './release.ts'
import type { ReleaseFiles } from './release-files.ts'
import type { ReleaseKind } from './release-kinds.ts'
import { rxnormRelease } from './rxnorm.ts'
import { type SnomedOptions, snomedRelease } from './snomed.ts'

const READERS: Record<ReleaseKind, (files: ReleaseFiles, options: SnomedOptions) => Promise<Release>> = {
  snomed: snomedRelease,
  loinc: loincRelease,
  'icd-10-cm': icd10cmRelease,
  rxnorm: rxnormRelease,
  cvx: cvxRelease,
}

/** The release in these files, by the reader of its kind. Faults `terminology.load.*`. */
export function openRelease(kind: ReleaseKind, files: ReleaseFiles, options: SnomedOptions): Promise<Release> {
  return READERS[kind](files, options)
}

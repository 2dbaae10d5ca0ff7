import { raise } from '#kernel'
import type { Resource } from '../../store/write-request.ts'
import { MERGE_FAULTS } from './merge-faults.ts'

/** http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle */
const LIFECYCLE = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle'
const NAMES = { merge: 'Merge Record Lifecycle Event', unmerge: 'Unmerge Record Lifecycle Event' } as const

/** A resource with the version that a merge made of it. */
export interface MergedVersion {
  type: string
  id: string
  version: number
}

/** The record of a merge, or of its end: which versions it made, and who was merged into whom. */
export function mergeProvenance(of: {
  activity: keyof typeof NAMES
  target: MergedVersion
  source: MergedVersion
  moved: readonly MergedVersion[]
  recorded: string
  by: string
}): Resource {
  const versions = [of.target, of.source, ...of.moved]
  return {
    resourceType: 'Provenance',
    target: versions.map(({ type, id, version }) => ({ reference: `${type}/${id}/_history/${version}` })),
    recorded: of.recorded,
    activity: { coding: [{ system: LIFECYCLE, code: of.activity, display: NAMES[of.activity] }] },
    agent: [{ who: { display: of.by } }],
  }
}

/** What the Provenance of a merge says: the two patients first, then what was moved. Fault `fhir.merge.not-a-merge`. */
export function readProvenance(provenance: Resource): {
  target: MergedVersion
  source: MergedVersion
  moved: MergedVersion[]
} {
  const { coding } = (provenance.activity ?? {}) as { coding?: { system?: unknown; code?: unknown }[] }
  const isMerge = coding?.some((one) => one.system === LIFECYCLE && one.code === 'merge') === true
  const references = Array.isArray(provenance.target) ? (provenance.target as { reference?: unknown }[]) : []
  const [target, source, ...moved] = references.map(({ reference }): MergedVersion => {
    const [, type = '', id = '', version] = VERSIONED.exec(String(reference)) ?? []
    return version === undefined ? raise(MERGE_FAULTS.notMerge) : { type, id, version: Number(version) }
  })
  if (!isMerge || target?.type !== 'Patient' || source?.type !== 'Patient') return raise(MERGE_FAULTS.notMerge)
  return { target, source, moved }
}

const VERSIONED = /^([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})\/_history\/(\d{1,9})$/

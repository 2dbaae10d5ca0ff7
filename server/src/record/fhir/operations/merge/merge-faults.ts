import type { Fault } from '#kernel'

/** Resources that one merge changes: a transaction of some seconds. */
export const MERGED_MAX = 2_000

export const MERGE_FAULTS = {
  patients: {
    category: 'invalid',
    code: 'fhir.merge.patients',
    message:
      'Name two patients of this server by source-patient and target-patient, as {"valueReference": {"reference": "Patient/1"}}.',
  },
  sourceMerged: {
    category: 'conflict',
    code: 'fhir.merge.source-merged',
    message:
      'The source was merged into another patient already. Undo that with $salus-unmerge, or merge the patient that replaced it.',
  },
  targetMerged: {
    category: 'conflict',
    code: 'fhir.merge.target-merged',
    message: 'The target was itself merged into another patient. Merge into that one.',
  },
  tooLarge: {
    category: 'too-costly',
    code: 'fhir.merge.too-large',
    message: `More than ${MERGED_MAX} resources belong or refer to the patient. Merge the smaller record into the larger.`,
  },
  notMerge: {
    category: 'invalid',
    code: 'fhir.merge.not-a-merge',
    message: 'This is not the Provenance of a merge. Name the one that $merge answered.',
  },
  changedSince: {
    category: 'conflict',
    code: 'fhir.merge.changed-since',
    message:
      'What the merge changed was changed again: references that it moved are no longer where it put them, or their versions were removed. Look at the history of the resources and correct them by hand.',
  },
} as const satisfies Record<string, Fault>

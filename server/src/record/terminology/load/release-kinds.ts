/** Names of the release formats that can be read. */
export const RELEASE_KINDS = ['snomed', 'loinc', 'icd-10-cm', 'rxnorm', 'cvx'] as const

/** A release format. */
export type ReleaseKind = (typeof RELEASE_KINDS)[number]

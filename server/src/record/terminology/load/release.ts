/** A release of a code system as its publisher gives it, read as a stream: nothing of it is held as a whole. */
export interface Release {
  head: ReleaseHead
  /** What it holds, some thousand items at once; of one concept in any order and at any distance. Faults `terminology.load.*`. */
  items(): AsyncGenerator<readonly ReleaseItem[]>
}

/** What is known of the code system as a whole. */
export interface ReleaseHead {
  url: string
  version: string
  name: string
  title: string
  /** Language of displays, BCP 47. */
  language: string
  isCaseSensitive: boolean
  properties: readonly ReleaseProperty[]
}

/** A property that its concepts may have. */
export interface ReleaseProperty {
  code: string
  type: PropertyType
  description?: string
}

/** `code`: the code of another concept of the same system. */
export type PropertyType = 'code' | 'string' | 'integer' | 'decimal' | 'boolean' | 'dateTime'

/** One fact of a release. Several of one concept need not follow each other, and may come before the concept itself. */
export type ReleaseItem =
  | { kind: 'concept'; code: string; display?: string; definition?: string; isInactive?: boolean; isAbstract?: boolean }
  | {
      kind: 'designation'
      code: string
      value: string
      language?: string
      use?: DesignationUse
      /** Those with a rank compete for the display of a concept that was given none; the lowest wins. */
      displayRank?: number
    }
  /** `isCode`: the value is the code of another concept. Otherwise its type is the head's for this property, else text. */
  | { kind: 'property'; code: string; property: string; value: string; isCode?: boolean }
  | { kind: 'parent'; code: string; parent: string }
  /** The concept belongs to a set of the release, e.g. a SNOMED CT reference set or a LOINC answer list. */
  | { kind: 'member'; set: string; code: string }

/** Kind of a name, as a Coding. */
export interface DesignationUse {
  system: string
  code: string
  display: string
}

/** How far reading has come. */
export interface ReadProgress {
  /** File under way. */
  file: string
  bytes: number
  bytesExpected: number
}

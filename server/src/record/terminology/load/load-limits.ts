/** Limits of a release from outside. The largest releases known: SNOMED CT US (1.1 GB zipped), RxNorm full (250 MB zipped). */
export const LOAD_LIMITS = {
  /** Entries of an archive or files of a folder. */
  filesMax: 20_000,
  /** Folders within each other. */
  folderDepthMax: 8,
  /** Opened bytes of one file: RXNSAT.RRF is 0.8 GB, the largest snapshot of SNOMED CT 0.6 GB. */
  fileBytesMax: 4 * 1024 ** 3,
  /** Opened bytes of all files that are read. */
  openedBytesMax: 12 * 1024 ** 3,
  /** Opened bytes per zipped byte: tables of text come to 30, a bomb to 1,000. */
  ratioMax: 200,
  /** Files below this size may have any ratio. */
  ratioFromBytes: 1024 * 1024,
  /** Bytes of one line or record: the longest of LOINC has 40 KB. */
  lineBytesMax: 1024 * 1024,
  /** Characters of one code and of one other value. */
  codeCharsMax: 256,
  valueCharsMax: 64 * 1024,
  /** Concepts of one release. */
  conceptsMax: 5_000_000,
  /** Bytes of an XML file: ICD-10-CM's has 10 MB. */
  xmlFileBytesMax: 128 * 1024 * 1024,
  /** Elements within each other in an XML file: ICD-10-CM has 12. */
  xmlDepthMax: 40,
} as const

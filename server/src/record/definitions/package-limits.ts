/** Limits of a package from outside. US Core 7 is 1.5 MB in 800 entries; VSAC's value sets, the largest known, 20 MB in 25,000. */
export const PACKAGE_LIMITS = {
  /** Bytes of the file. */
  fileBytesMax: 64 * 1024 * 1024,
  /** Bytes of all entries together, opened: a gzip file can hold a thousand times its size. */
  openedBytesMax: 512 * 1024 * 1024,
  /** Entries, those that are passed over counted too. */
  entriesMax: 50_000,
  /** Bytes of one entry: the largest code systems published as one file are 25 MB. */
  entryBytesMax: 32 * 1024 * 1024,
  /** Definitions kept. */
  definitionsMax: 40_000,
  /** Bytes of package.json. */
  manifestBytesMax: 1024 * 1024,
  /** Dependencies named in it. */
  dependenciesMax: 200,
  /** Characters of a canonical URL and of a version: they are keys of tables. */
  urlCharsMax: 2_048,
  versionCharsMax: 128,
  /** Stored bytes of all installed packages: each server process holds them in memory. */
  installedBytesMax: 128 * 1024 * 1024,
} as const

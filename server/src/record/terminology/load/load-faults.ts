import { raise } from '#kernel'

/** Longest part of a name from outside that is shown. */
const SHOWN_CHARS_MAX = 200

/** A name from outside, safe to show on a terminal. */
export function shown(name: string): string {
  const visible = name.slice(0, SHOWN_CHARS_MAX).replaceAll(/\p{C}/gu, '?')
  return `"${visible}${name.length > SHOWN_CHARS_MAX ? '…' : ''}"`
}

/** Fault `terminology.load.damaged`: cut off, or no archive or table at all. */
export function damaged(what: string, cause?: unknown): never {
  return raise(
    {
      category: 'invalid',
      code: 'terminology.load.damaged',
      message: `The release is damaged: ${what}. Download it again. Nothing was loaded.`,
    },
    cause,
  )
}

/** Fault `terminology.load.too-large`. */
export function tooLarge(what: string): never {
  return raise({
    category: 'too-large',
    code: 'terminology.load.too-large',
    message: `The release is too large: ${what}. Nothing was loaded.`,
  })
}

/** Fault `terminology.load.entry-refused`: no publisher writes such an entry. */
export function entryRefused(what: string): never {
  return raise({
    category: 'invalid',
    code: 'terminology.load.entry-refused',
    message: `The release was refused: ${what}. Make sure that it comes from where you think. Nothing was loaded.`,
  })
}

/** Fault `terminology.load.layout`: a file is not laid out as that kind of release is. */
export function wrongLayout(what: string): never {
  return raise({
    category: 'invalid',
    code: 'terminology.load.layout',
    message: `The release is not laid out as expected: ${what}. Check that its kind is right. Nothing was loaded.`,
  })
}

/** Fault `terminology.load.file-missing`. */
export function fileMissing(what: string): never {
  return raise({
    category: 'not-found',
    code: 'terminology.load.file-missing',
    message: `There is no ${what} in it. Name the release as it was downloaded, or its folder.`,
  })
}

/** Names told of several releases; more help nobody. */
const NAMED_MAX = 10

/** Fault `terminology.load.several-releases`: these files are not of one release. */
export function severalReleases(names: readonly string[]): never {
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : ''
  return raise({
    category: 'invalid',
    code: 'terminology.load.several-releases',
    message: `There are several releases in it: ${names.slice(0, NAMED_MAX).map(shown).join(', ')}${more}. Name one release, or a folder with the files of one. Nothing was loaded.`,
  })
}

/** Fault `terminology.load.version-unknown`. */
export function versionUnknown(what: string): never {
  return raise({
    category: 'invalid',
    code: 'terminology.load.version-unknown',
    message: `${what}. Give it with --version.`,
  })
}

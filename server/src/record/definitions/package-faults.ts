import { raise } from '#kernel'

/** Fault `definitions.package.damaged`: `what` says what is wrong with which entry. */
export function damaged(what: string, cause?: unknown): never {
  return raise(
    {
      category: 'invalid',
      code: 'definitions.package.damaged',
      message: `The package is damaged: ${what}. Download it again. Nothing was installed.`,
    },
    cause,
  )
}

/** Fault `definitions.package.too-large`. */
export function tooLarge(what: string): never {
  return raise({
    category: 'too-large',
    code: 'definitions.package.too-large',
    message: `The package is too large: ${what}. Nothing was installed.`,
  })
}

/** Fault `definitions.package.entry-refused`: no packager writes such an entry. */
export function entryRefused(what: string): never {
  return raise({
    category: 'invalid',
    code: 'definitions.package.entry-refused',
    message: `The package was refused: ${what}. Make sure that it comes from where you think. Nothing was installed.`,
  })
}

/** Longest part of a name from outside that is shown. */
const SHOWN_CHARS_MAX = 100

/** A name from outside, safe to show on a terminal. */
export function shown(name: string): string {
  const visible = name.slice(0, SHOWN_CHARS_MAX).replaceAll(/\p{C}/gu, '?')
  return `"${visible}${name.length > SHOWN_CHARS_MAX ? '…' : ''}"`
}

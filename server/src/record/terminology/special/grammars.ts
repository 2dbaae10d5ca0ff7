import { createRequire } from 'node:module'
import { quietly } from '#kernel'
import type { Grammar } from './special-system.ts'

/** Units remembered; asking the library takes 50 us. */
const UNITS_MAX = 5_000
/** Longer than any code that means something. */
const CODE_CHARS_MAX = 200

interface UcumLibrary {
  UcumLhcUtils: {
    getInstance(): { getSpecifiedUnit(code: string, check: 'validate'): { unit: { name_: string } | null } }
  }
}

let library: ReturnType<UcumLibrary['UcumLhcUtils']['getInstance']> | undefined
const units = new Map<string, string | null>()

/** http://unitsofmeasure.org: https://ucum.org/ucum */
const ucum: Grammar = {
  url: 'http://unitsofmeasure.org',
  name: 'UCUM',
  isCaseSensitive: true,
  read(code) {
    if (code.length > CODE_CHARS_MAX) return undefined
    let name = units.get(code)
    if (name === undefined) {
      name = unitName(code)
      if (units.size >= UNITS_MAX) units.delete(units.keys().next().value as string)
      units.set(code, name)
    }
    return name === null ? undefined : { code, display: name }
  },
}

function unitName(code: string): string | null {
  // Loaded when the first unit is asked for: 20 ms and 10 MB.
  library ??= (createRequire(import.meta.url)('@lhncbc/ucum-lhc') as UcumLibrary).UcumLhcUtils.getInstance()
  const ucum = library
  try {
    // White space is never part of a unit, though the library passes over it. It prints what it cannot read.
    return /\s/.test(code) ? null : (quietly(() => ucum.getSpecifiedUnit(code, 'validate').unit?.name_) ?? null)
  } catch {
    // The library throws on some malformed codes.
    return null
  }
}

/** BCP 47 (RFC 5646): a language that is registered, with script, region and extensions of the right form. */
const languages: Grammar = {
  url: 'urn:ietf:bcp:47',
  name: 'Languages',
  isCaseSensitive: false,
  read(code) {
    if (code.length > CODE_CHARS_MAX || !/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(code)) return undefined
    return named(LANGUAGE_NAMES, code)
  },
}

/** RFC 6838: type/subtype, with parameters. */
const mimeTypes: Grammar = {
  url: 'urn:ietf:bcp:13',
  name: 'MimeTypes',
  isCaseSensitive: false,
  read: (code) => (code.length <= CODE_CHARS_MAX && MIME_TYPE.test(code) ? { code, display: code } : undefined),
}

const MIME_TYPE =
  /^(application|audio|font|example|image|message|model|multipart|text|video|chemical|x-[a-z0-9-]+)\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(\s*;\s*[A-Za-z0-9!#$&^_.+-]+=("[^"]*"|[A-Za-z0-9!#$&^_.+/-]+))*$/

const LANGUAGE_NAMES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

function named(names: Intl.DisplayNames, code: string): { code: string; display: string } | undefined {
  try {
    const display = names.of(code)
    return display === undefined ? undefined : { code, display }
  } catch {
    // A tag of the wrong form.
    return undefined
  }
}

/** Code systems that are checked by their grammar. */
export const GRAMMARS: readonly Grammar[] = [ucum, languages, mimeTypes]

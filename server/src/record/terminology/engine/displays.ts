import { type LanguageDepth, type Languages, sameLanguage, wishAccepts } from './languages.ts'
import type { Json } from './resources.ts'

/** One name of a concept. */
export interface Designation {
  language: string | undefined
  /** A Coding as it was given; absent for a display. */
  use: Json | undefined
  value: string
  /** It is the concept's display, not a further name. */
  isDisplay: boolean
  /** Withdrawn and inactive names are told apart when a display is checked. */
  status?: string
  extension?: readonly Json[]
  /** Canonical of the supplement it comes from. */
  source?: string
}

const DEPTHS: readonly LanguageDepth[] = ['full', 'region', 'language']

/** All names of one concept, and the questions about them. */
export class Displays {
  readonly all: Designation[] = []

  add(designations: Iterable<Designation>): void {
    this.all.push(...designations)
  }

  /** The name to show; the first wanted language that has one wins. */
  preferred(languages: Languages | undefined): Designation | undefined {
    if (!languages) return this.#first((one) => isDisplay(one)) ?? this.all[0]
    for (const wish of languages.wishes) {
      if (wish.quality <= 0) continue
      for (const depth of DEPTHS) {
        const speaks = (one: Designation): boolean =>
          one.language !== undefined && wishAccepts(wish, one.language, depth)
        const found = this.#first((one) => speaks(one) && isDisplay(one)) ?? this.#first(speaks)
        if (found) return found
      }
    }
    return this.all.find((one) => one.language === undefined && isDisplay(one))
  }

  /** Whether `value` is a name in one of the languages, letter case aside; 'spaces' when only white space differs. */
  has(
    value: string,
    options: { languages: Languages | undefined; base?: string | undefined; activeOnly?: boolean },
  ): boolean | 'spaces' {
    const named = this.all.filter(
      (one) => speaks(one, options) && !(options.activeOnly === true && !isActive(one)) && one.value !== '',
    )
    const wanted = value.toLowerCase()
    if (named.some((one) => one.value.toLowerCase() === wanted)) return true
    return named.some((one) => withoutSpaces(one.value) === withoutSpaces(value)) ? 'spaces' : false
  }

  /** How many names there are in the closest match of the languages. */
  count(languages: Languages | undefined, displayOnly: boolean): number {
    for (const depth of DEPTHS) {
      const found = this.all.filter(
        (one) =>
          (!displayOnly || isDisplay(one)) &&
          (!languages || one.language === undefined || languages.accepts(one.language, depth)),
      ).length
      if (found > 0) return found
    }
    return 0
  }

  /** `'Display' (en) or 'Anzeige' (de)`: what would have been right. */
  present(languages: Languages | undefined, displayOnly: boolean): string {
    const candidates = this.all.filter((one) => !displayOnly || isDisplay(one))
    const spoken = candidates.filter((one) => speaks(one, { languages }))
    const told = (spoken.length > 0 ? spoken : candidates).map(
      ({ value, language }) => `'${value}'${language === undefined ? '' : ` (${language})`}`,
    )
    return told.length < 3 ? told.join(' or ') : `${told.slice(0, -1).join(', ')} or ${told.at(-1)}`
  }

  #first(test: (one: Designation) => boolean): Designation | undefined {
    return this.all.find((one) => test(one) && isActive(one)) ?? this.all.find(test)
  }
}

export function isActive({ status }: Designation): boolean {
  return status !== 'withdrawn' && status !== 'inactive' && status !== 'deprecated'
}

const DISPLAY_USES = new Set(['preferredForLanguage', 'display', '900000000000548007', '900000000000013009'])

/** Whether a name may be shown as the concept's display. */
export function isDisplay(one: Designation): boolean {
  const code = one.use?.code
  return one.isDisplay || one.use === undefined || (typeof code === 'string' && DISPLAY_USES.has(code))
}

function speaks(
  { language }: Designation,
  { languages, base }: { languages: Languages | undefined; base?: string | undefined },
): boolean {
  if (language === undefined || !languages) return true
  return (base !== undefined && sameLanguage(base, language, 'language')) || languages.accepts(language, 'language')
}

function withoutSpaces(value: string): string {
  return value.replace(/\s+/g, ' ').trim().toLowerCase()
}

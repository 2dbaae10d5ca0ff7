/** One language of a preference list: `de-CH`, or `*` for any; quality 0 refuses it. */
export interface LanguageWish {
  tag: string
  quality: number
}

/** How much of two language tags must agree. */
export type LanguageDepth = 'full' | 'region' | 'language'

/** Preferences in order, from `displayLanguage` or an `Accept-Language` header (RFC 9110 §12.5.4). */
export class Languages {
  readonly wishes: readonly LanguageWish[]
  readonly #written: string

  private constructor(wishes: readonly LanguageWish[], written: string) {
    this.wishes = wishes
    this.#written = written
  }

  /** Undefined when it names none. An expansion takes any other language rather than none; `*;q=0` says otherwise. */
  static parse(list: string | undefined, addAny: boolean): Languages | undefined {
    if (list === undefined) return undefined
    const wishes = list
      .split(',')
      .slice(0, WISHES_MAX)
      .map(wishOf)
      .filter((one): one is LanguageWish => one !== undefined)
    if (wishes.length === 0) return undefined
    const isOpen = wishes.some(({ tag }) => tag === '*')
    const all = addAny && !isOpen ? [...wishes, { tag: '*', quality: 0.01 }] : wishes
    return new Languages(
      all.toSorted((a, b) => b.quality - a.quality),
      list,
    )
  }

  /** As it was asked for. */
  toString(): string {
    return this.#written
  }

  /** The tags that are wanted. */
  get summary(): string {
    return this.wishes
      .filter(({ tag, quality }) => quality > 0 && tag !== '*')
      .map(({ tag }) => tag)
      .join(',')
  }

  accepts(tag: string, depth: LanguageDepth): boolean {
    return this.wishes.some((wish) => wishAccepts(wish, tag, depth))
  }
}

/** More languages than anybody reads. */
const WISHES_MAX = 50

export function wishAccepts(wish: LanguageWish, tag: string, depth: LanguageDepth): boolean {
  return wish.quality > 0 && (wish.tag === '*' || sameLanguage(wish.tag, tag, depth))
}

/** Whether two BCP-47 tags agree up to a depth; `en` and `en-US` agree as languages. */
export function sameLanguage(a: string, b: string, depth: LanguageDepth): boolean {
  if (depth === 'full') return a.toLowerCase() === b.toLowerCase()
  const left = partsOf(a)
  const right = partsOf(b)
  return left.language === right.language && (depth === 'language' || left.region === right.region)
}

function partsOf(tag: string): { language: string; region: string | undefined } {
  const [language = '', ...rest] = tag.toLowerCase().split('-')
  return { language, region: rest.find((part) => /^([a-z]{2}|\d{3})$/.test(part)) }
}

function wishOf(entry: string): LanguageWish | undefined {
  const [tag = '', ...parameters] = entry.split(';').map((part) => part.trim())
  if (!/^(\*|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*)$/.test(tag)) return undefined
  const quality = parameters.map((part) => /^q\s*=\s*([01](?:\.\d{0,3})?)$/.exec(part)?.[1]).find((one) => one)
  return { tag, quality: quality === undefined ? 1 : Number(quality) }
}

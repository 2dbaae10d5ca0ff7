import type { Release, ReleaseItem } from '../../server/src/record/terminology/index.ts'
import { dice } from './sample-data.ts'

/** A made code system with the shape of SNOMED CT: names of three to six words, a hierarchy with several parents, synonyms. */
export const BENCH_SYSTEM = 'http://example.org/fhir/CodeSystem/bench'

const WORDS = 12_000
const ITEMS_PER_PART = 5_000
const SYLLABLES =
  'ab ac ad al an ar as at ba be bi bo ca ce ci co da de di do en er es fa fe fi ga ge ha he hi id il in is ka ke la le li lo ma me mi mo na ne ni no ol on op or os pa pe pi po ra re ri ro sa se si so ta te ti to ul um un ur us va ve vi xa ze zo'.split(
    ' ',
  ) // prettier-ignore

export function conceptCode(index: number): string {
  return String(100_000_000 + index * 37)
}

/** Names as a person would type them, and the release itself; the same for the same count. */
export function benchRelease(count: number): { release: Release; nameOf(index: number): string } {
  const chance = dice(17)
  const words = Array.from({ length: WORDS }, () =>
    Array.from({ length: 2 + chance.below(3) }, () => chance.pick(SYLLABLES)).join(''),
  )
  // Few words are in many names, as in any language.
  const word = (): string => words[chance.below(chance.below(chance.below(WORDS) + 1) + 1)] as string
  const names = Array.from({ length: count }, () => Array.from({ length: 3 + chance.below(4) }, word).join(' '))
  const nameOf = (index: number): string => names[index] as string
  return {
    nameOf,
    release: {
      head: {
        url: BENCH_SYSTEM,
        version: '1',
        name: 'Bench',
        title: 'Made for the benchmark',
        language: 'en',
        isCaseSensitive: true,
        properties: [{ code: 'site', type: 'code' }],
      },
      async *items() {
        let part: ReleaseItem[] = []
        for (let index = 0; index < count; index++) {
          const code = conceptCode(index)
          part.push(
            { kind: 'concept', code, display: nameOf(index), isInactive: index % 50 === 49 },
            { kind: 'designation', code, value: `${word()} ${nameOf(index)}`, language: 'en' },
            { kind: 'property', code, property: 'site', value: conceptCode(index >>> 3) },
          )
          if (index > 0) part.push({ kind: 'parent', code, parent: conceptCode(index >>> 2) })
          if (index > 8 && index % 2 === 0)
            part.push({ kind: 'parent', code, parent: conceptCode(chance.below(index >>> 2)) })
          if (part.length < ITEMS_PER_PART) continue
          yield part
          part = []
        }
        yield part
      },
    },
  }
}

import { isTest } from './repository.ts'
import type { Problem, Rule } from './rule.ts'
import { lineAt, type Source } from './source.ts'

const HOMES = /^(server\/src\/kernel\/|apps\/cli\/|tools\/|test\/)/

const AMBIENT: { pattern: RegExp; instead: string }[] = [
  { pattern: /\bDate\s*\.\s*now\b/g, instead: 'take a Clock and call clock.now()' },
  { pattern: /\bnew\s+Date\b(?!\s*\(\s*[^)\s])/g, instead: 'take a Clock and write new Date(clock.now())' },
  { pattern: /\bMath\s*\.\s*random\b/g, instead: 'use node:crypto, or take the chance as an argument' },
  { pattern: /\bprocess\s*\.\s*env\b/g, instead: 'take the Config' },
  { pattern: /\bconsole\s*\.\s*\w/g, instead: 'take the Log; output for people belongs to apps/cli' },
]

/** Time, chance, environment and console come from the context, so that tests can hold them still. */
export const ambient: Rule = {
  name: 'ambient',
  check: (repository) =>
    repository.sources.filter(({ path }) => !HOMES.test(path) && !isTest(path)).flatMap(ambientUses),
}

function ambientUses(source: Source): Problem[] {
  return AMBIENT.flatMap(({ pattern, instead }) =>
    [...source.code.matchAll(pattern)].map((match) => ({
      path: source.path,
      line: lineAt(source.text, match.index),
      message: `${match[0]} here cannot be held still by a test: ${instead}.`,
    })),
  )
}

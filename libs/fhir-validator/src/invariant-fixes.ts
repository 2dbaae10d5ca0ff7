/** Invariants that R4 published wrong, as later versions of FHIR and the reference validator read them. */
const BY_EXPRESSION: ReadonlyMap<string, string> = new Map([
  // que-12: "more than one" is two.
  ['enableWhen.count() > 2 implies enableBehavior.exists()', 'enableWhen.count() >= 2 implies enableBehavior.exists()'],
  // ras-2: the probability may be a Range.
  [
    'probability is decimal implies (probability as decimal) <= 100',
    'probability.empty() or ((probability is decimal) implies ((probability as decimal) <= 100))',
  ],
  // vs-1: it speaks of a dateTime only.
  ['($this as dateTime).toString().length() >= 8', '$this is dateTime implies $this.toString().length() >= 8'],
  // bdl-8: an entry need not have a fullUrl.
  ["fullUrl.contains('/_history/').not()", "fullUrl.empty() or fullUrl.contains('/_history/').not()"],
])

/** The expression to evaluate for an invariant. */
export function fixedExpression(key: string, expression: string): string {
  const fixed = BY_EXPRESSION.get(expression)
  if (fixed !== undefined) return fixed
  if (key.endsWith('-0') && NAME_PATTERN.test(expression)) return WHOLE_NAME
  return WHOLE_PATH.has(key) ? expression.replace(MATCHES, "path.matches('^($1)$$')") : expression
}

const WHOLE_PATH = new Set(['eld-19', 'eld-20'])
const MATCHES = /^path\.matches\('(.*)'\)$/

/** `matches` looks for a part of the text, but these invariants mean the whole. */
const NAME_PATTERN = /^name\.matches\('\[A-Z\]\(\[A-Za-z0-9_\]\)\{0,254\}'\)$/
const WHOLE_NAME = "name.exists() implies name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')"

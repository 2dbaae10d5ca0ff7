/** What a function gives, as far as types can be told before there is data. */
export interface StaticResult {
  /**
   * `input`: items of the input; `argument`: those of its first argument; `both`: those of either; `tree`: anything,
   * in no order; else a type; absent: anything.
   */
  gives?: string
  /** Its arguments are evaluated on the items of the input. */
  iterates?: boolean
  order?: 'needed'
}

const NAMES: readonly (readonly [StaticResult, string])[] = [
  [{ gives: 'input', iterates: true }, 'where repeatAll trace'],
  [{ gives: 'input' }, 'distinct exclude intersect single defineVariable checkModifiers slice'],
  [{ gives: 'input', order: 'needed' }, 'first last tail skip take'],
  [{ gives: 'argument', iterates: true }, 'select repeat'],
  [{ gives: 'both' }, 'union combine'],
  [{ gives: 'tree' }, 'children descendants'],
  [{ gives: 'System.Boolean', iterates: true }, 'exists all'],
  [
    { gives: 'System.Boolean' },
    `empty not allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct hasValue startsWith endsWith contains
    matches matchesFull memberOf subsumes subsumedBy conformsTo comparable convertsToBoolean convertsToInteger
    convertsToDecimal convertsToDate convertsToDateTime convertsToTime convertsToString convertsToQuantity`,
  ],
  [{ gives: 'System.Integer' }, 'count indexOf lastIndexOf length toInteger precision'],
  [
    { gives: 'System.String' },
    'upper lower trim replace replaceMatches substring join toString toChars split encode decode escape unescape',
  ],
  [{ gives: 'System.Decimal' }, 'toDecimal exp ln log sqrt'],
  [{ gives: 'System.Quantity' }, 'toQuantity'],
  [{ iterates: true }, 'aggregate sort'],
  [{ gives: 'Extension' }, 'extension'],
]

/** By the name of the function; functions that are not here can give anything. */
export const RESULT_OF: ReadonlyMap<string, StaticResult> = new Map(
  NAMES.flatMap(([result, names]) => names.split(/\s+/).map((name) => [name, result] as const)),
)

/** Functions of a single text. */
export const TEXT_INPUT: ReadonlySet<string> = new Set(
  'indexOf lastIndexOf startsWith endsWith contains upper lower trim replace matches matchesFull replaceMatches substring length toChars split encode decode escape unescape'.split(
    ' ',
  ),
)

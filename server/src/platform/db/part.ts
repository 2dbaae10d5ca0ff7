/**
 * One table's share of a commit: the body of a CTE. Parts of several modules travel in one statement,
 * so each writes its own SQL and its parameters are numbered when they are put together.
 */
export interface Part {
  /** Name of the CTE; unique within a commit. Parts of one name always have the same text. */
  name: string
  /** SQL whose first parameter is `$first`. */
  text(first: number): string
  values: unknown[]
  /** SQL expression evaluated beside the CTEs that raises when this part did not do what it was meant to. */
  check?(first: number): string
}

/** `$first, $first+1, ...`: the placeholders of `count` parameters with their casts. */
export function placeholders(first: number, casts: readonly string[]): string {
  return casts.map((cast, index) => `$${first + index}::${cast}`).join(', ')
}

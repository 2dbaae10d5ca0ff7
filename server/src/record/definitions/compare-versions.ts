/**
 * Order of two business versions, newest first: numbers by value (`10.0` before `9.1`), a release before its pre-releases
 * (`2.0.0` before `2.0.0-ballot`), dates by time. Versions of one scheme only have a meaningful order.
 */
export function newestFirst(a: string, b: string): number {
  const [mainA, preA] = parts(a)
  const [mainB, preB] = parts(b)
  return compare(mainB, mainA) || Number(preA.length > 0) - Number(preB.length > 0) || compare(preB, preA)
}

const DATE = /^\d{4}-\d\d(-\d\d)?$/

/** A semantic version's hyphen starts its pre-release, a date's does not. */
function parts(version: string): [string[], string[]] {
  const hyphen = DATE.test(version) ? -1 : version.indexOf('-')
  const main = hyphen === -1 ? version : version.slice(0, hyphen)
  return [main.split(/[.-]/), hyphen === -1 ? [] : version.slice(hyphen + 1).split('.')]
}

function compare(a: string[], b: string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const left = a[i] ?? ''
    const right = b[i] ?? ''
    const bothNumbers = /^\d+$/.test(left) && /^\d+$/.test(right)
    const order = bothNumbers ? Number(left) - Number(right) : left < right ? -1 : left > right ? 1 : 0
    if (order !== 0) return order
  }
  return 0
}

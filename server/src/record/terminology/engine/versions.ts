/** Parts of a version that are compared as numbers where both are: `10.0` comes after `9.1`. */
const PART = /[.\-_]/

/** Negative when `a` is older than `b`; natural order, so that semver, dates and years each sort as meant. */
export function compareVersions(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0
  if (a === undefined) return -1
  if (b === undefined) return 1
  const left = a.split(PART)
  const right = b.split(PART)
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const one = left[index]
    const other = right[index]
    if (one === undefined) return -1
    if (other === undefined) return 1
    if (one === other) continue
    const isNumeric = /^\d+$/.test(one) && /^\d+$/.test(other)
    if (isNumeric && Number(one) !== Number(other)) return Number(one) - Number(other)
    return one < other ? -1 : 1
  }
  return 0
}

/** Whether a version asked for holds wildcards: `1.x`, `1.0.*`. */
export function isPattern(version: string): boolean {
  return version.split('.').some((part) => part === 'x' || part === 'X' || part === '*')
}

/** Whether `actual` is the version asked for: equal, or covered by its wildcards (`1.x.x` covers `1.2.0`, `1.x` too). */
export function versionMatches(asked: string, actual: string | undefined): boolean {
  if (asked === actual) return true
  if (actual === undefined || !isPattern(asked)) return false
  const wanted = asked.split('.')
  const parts = actual.split('.')
  if (wanted.length > parts.length) return false
  for (let index = 0; index < parts.length; index++) {
    const want = wanted[index]
    if (want === undefined) return isWild(wanted.at(-1))
    if (!isWild(want) && want !== parts[index]) return false
  }
  return true
}

/** Whether `candidate` says the same as `version` and more: `1.2.0` does of `1.x`, a dated edition of SNOMED CT of its edition. */
export function isMoreDetailed(version: string, candidate: string | undefined): boolean {
  if (candidate === undefined) return false
  if (isPattern(version)) return versionMatches(version, candidate)
  return candidate.startsWith(`${version}/`)
}

/** The newest of those that match, the last of equals; all match when none is asked for. */
export function newest<T>(
  candidates: readonly T[],
  versionOf: (candidate: T) => string | undefined,
  asked?: string,
): T | undefined {
  let best: T | undefined
  for (const one of candidates) {
    if (asked !== undefined && !versionMatches(asked, versionOf(one))) continue
    if (best === undefined || compareVersions(versionOf(best), versionOf(one)) <= 0) best = one
  }
  return best
}

function isWild(part: string | undefined): boolean {
  return part === 'x' || part === 'X' || part === '*'
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const INSTANT = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/**
 * A day (its first or last millisecond in UTC) or an instant with its time zone, in ms since 1970. Undefined when it is neither: no
 * other spelling is guessed at, and a 31st of February is no day.
 */
export function momentOf(text: string, edge: 'start' | 'end'): number | undefined {
  const day = DAY.test(text) ? text : INSTANT.exec(text)?.[1]
  if (day === undefined || !isDay(day)) return undefined
  if (day !== text) return Date.parse(text)
  return Date.parse(edge === 'start' ? `${day}T00:00:00.000Z` : `${day}T23:59:59.999Z`)
}

function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)
}

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+\- ]\d\d:\d\d)?)?)?)?$/

/**
 * The closed interval of milliseconds that a date of a search covers: `2020-05` is all of May. Without a time zone it
 * is UTC, as for dates in resources. Undefined when the text is no date. https://hl7.org/fhir/R4/search.html#date
 */
export function dateRange(text: string): { lo: number; hi: number } | undefined {
  const found = DATE.exec(text)
  if (!found) return undefined
  const [, year, month, day, hour, minute, second, fraction, zone] = found
  const parts = [
    Number(year),
    Number(month ?? 1),
    Number(day ?? 1),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
  ] as const
  const lo = moment(parts)
  // 30 February would silently become 1 March: the parts must come back as they were written.
  const back = new Date(lo)
  if (Number.isNaN(lo) || back.getUTCMonth() + 1 !== parts[1] || back.getUTCDate() !== parts[2]) return undefined
  if (parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return undefined
  const offset = zoneMs(zone)
  if (offset === undefined) return undefined
  if (fraction !== undefined) {
    const start = lo + Math.floor(Number(`0.${fraction}`) * 1000 + 1e-9) - offset
    return { lo: start, hi: start + (fraction.length >= 3 ? 0 : 10 ** (3 - fraction.length) - 1) }
  }
  return { lo: lo - offset, hi: endOf(found, parts, lo) - offset }
}

type Parts = readonly [number, number, number, number, number, number]

function endOf(found: RegExpExecArray, parts: Parts, lo: number): number {
  const [, , month, day, hour, , second] = found
  if (month === undefined) return moment([parts[0] + 1, 1, 1, 0, 0, 0]) - 1
  if (day === undefined) return moment([parts[0], parts[1] + 1, 1, 0, 0, 0]) - 1
  if (hour === undefined) return lo + 86_400_000 - 1
  return lo + (second === undefined ? 60_000 : 1_000) - 1
}

function moment([year, month, day, hour, minute, second]: Parts): number {
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; setting the full year does not.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second, 0)
  return date.getTime()
}

/** A plus sign that a form decoder turned into a blank is taken for what it was. */
function zoneMs(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(4, 6))
  if (hours > 14 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

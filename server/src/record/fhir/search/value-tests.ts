/** Metres of the earth's mean radius, IUGG 1980. */
const EARTH_METRES = 6_371_008.8

interface Place {
  latitude: number
  longitude: number
}

/** Great-circle distance by the haversine formula; the earth's flattening makes it wrong by half a percent at most. */
export function metresBetween(a: Place, b: Place): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180
  const half = (from: number, to: number): number => Math.sin(radians(to - from) / 2) ** 2
  const h =
    half(a.latitude, b.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(a.longitude, b.longitude)
  return 2 * EARTH_METRES * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Whether a Location stands within so many metres of a place. */
export function isNear(resource: object, { metres, ...place }: Place & { metres: number }): boolean {
  const { latitude, longitude } = ((resource as { position?: unknown }).position ?? {}) as Partial<Place>
  return (
    typeof latitude === 'number' &&
    typeof longitude === 'number' &&
    metresBetween({ latitude, longitude }, place) <= metres
  )
}

/** Levels of a URL's path that are looked at; real ones have four. */
const LEVELS_MAX = 32

/** The URL and what it lies below: `http://a/b/c` below `http://a/b/` and `http://a/b`. A URN has no levels. */
export function urlsAbove(url: string): string[] {
  const root = url.indexOf('://')
  const found = [url]
  for (let at = url.length; found.length < LEVELS_MAX * 2; ) {
    at = url.lastIndexOf('/', at - 1)
    if (root < 0 || at < root + 3) return found
    found.push(url.slice(0, at + 1), url.slice(0, at))
  }
  return found
}

/** Whether a stored URL, without the version of a canonical, is the searched one or lies below it. */
export function isBelow(stored: string, url: string): boolean {
  const plain = withoutVersion(stored)
  return stored === url || plain === url || plain.startsWith(url.endsWith('/') ? url : `${url}/`)
}

export function withoutVersion(canonical: string): string {
  const version = canonical.indexOf('|')
  return version > 0 ? canonical.slice(0, version) : canonical
}

/** A token is replaced this long before it ends, or after three quarters of a short life. */
const BEFORE_END_SECONDS = 60

export interface TokenSource {
  /** A token that is good for a while. */
  current(): Promise<string>
  /** The server refused this one: forget it. */
  refused(token: string): void
}

/** Keeps one access token fresh; lanes that ask at once share one request. `nowMs` is a steady clock. */
export function tokenSource(
  fetchOne: () => Promise<{ access_token: string; expires_in: number }>,
  nowMs: () => number = () => performance.now(),
): TokenSource {
  let held: { token: string; until: number } | undefined
  let asking: Promise<string> | undefined
  const ask = async (): Promise<string> => {
    const asked = nowMs()
    const { access_token: token, expires_in: seconds } = await fetchOne()
    held = { token, until: asked + Math.max(seconds - BEFORE_END_SECONDS, seconds * 0.75) * 1000 }
    return token
  }
  return {
    async current() {
      if (held && nowMs() < held.until) return held.token
      asking ??= ask().finally(() => {
        asking = undefined
      })
      return asking
    },
    refused(token) {
      if (held?.token === token) held = undefined
    },
  }
}

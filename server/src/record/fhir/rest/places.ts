import type { ServerResponse } from 'node:http'
import { type Fault, LIMITS } from '#kernel'

/** The place of one request among those under way. */
export interface Place {
  /** Work on the answer begins, and keeps the place also when the client goes away. */
  begin(): void
  end(): void
}

/** What tells that an answer has left, or that nobody waits for it any more. */
export type Closing = Pick<ServerResponse, 'destroyed' | 'once'>

/** Places for the requests that one process works on at once. */
export interface Places {
  /**
   * A place for a request of `client`, given back once: when `response` has closed, however that came, and no work is left.
   * A fault of category busy when all places are taken, or all that one client may have.
   */
  take(client: string, response: Closing): Place | Fault
}

/** Counts only: about 1 us for a request. */
export function createPlaces(
  total: number = LIMITS.requestsInFlightMax,
  each: number = LIMITS.requestsPerClientMax,
): Places {
  let taken = 0
  const byClient = new Map<string, number>()
  const count = (client: string, change: 1 | -1): void => {
    taken += change
    const own = (byClient.get(client) ?? 0) + change
    if (own === 0) byClient.delete(client)
    else byClient.set(client, own)
  }
  return {
    take(client, response) {
      if ((byClient.get(client) ?? 0) >= each) return CLIENT_BUSY
      if (taken >= total) return BUSY
      // Held by the open response and by the work: either may end first.
      let holders = 0
      const hold = (): void => {
        if (holders++ === 0) count(client, 1)
      }
      const drop = (): void => {
        if (--holders === 0) count(client, -1)
      }
      if (!response.destroyed) {
        hold()
        response.once('close', drop)
      }
      return { begin: hold, end: drop }
    },
  }
}

const BUSY: Fault = {
  category: 'busy',
  code: 'fhir.http.busy',
  message: 'The server works on as many requests as it can. Nothing was done; send the request again in a second.',
}
const CLIENT_BUSY: Fault = {
  category: 'busy',
  code: 'fhir.http.client-busy',
  message: `At most ${LIMITS.requestsPerClientMax} requests of one client are worked on at once. Nothing was done; wait for answers before you send more.`,
}

import { raise } from '@salus/server/kernel'
import { type Answer, type Connection, ConnectionLost } from './load-connection.ts'
import { jsonOf, type Reason, reasonsOf } from './load-outcome.ts'
import type { Patience } from './load-patience.ts'
import { bodyOf, type Piece, type PieceEntry, subsetOf } from './load-piece.ts'
import type { TokenSource } from './load-token.ts'

export interface Refused {
  /** Absent: the piece as a whole. */
  entry: PieceEntry | undefined
  reason: Reason
}

/** How the sending of a piece ended. */
export interface Delivered {
  /** `stopped`: known not to be stored, and not refused either. `unknown`: the connection was lost after it was sent, or the answer was 502 or 504. */
  outcome: 'stored' | 'refused' | 'unknown' | 'stopped'
  /** Resources created or updated, and creates whose resource was there already. */
  stored: number
  existing: number
  refused: Refused[]
}

export interface Delivery {
  connection: Connection
  token: TokenSource
  patience: Patience
  /** Path of the FHIR base below the connection's URL. */
  path: string
}

/** Send a piece until its end is known. Throws what the token endpoint refuses and `cli.server-strange`. */
export async function deliver(delivery: Delivery, piece: Piece): Promise<Delivered> {
  const total: Delivered = { outcome: 'stored', stored: 0, existing: 0, refused: [] }
  let rest = piece
  for (let attempt = 1; rest.entries.length > 0; attempt++) {
    const answer = await send(delivery, rest)
    if (typeof answer === 'string') return attempt === 1 ? { ...total, outcome: answer } : giveUp(total, rest, answer)
    if (answer.status < 200 || answer.status >= 300) {
      // In a batch what is right is stored and what is wrong is named.
      if (rest.divisible && rest.entries.length > 1 && answer.status !== 413)
        return deliver(delivery, { ...rest, type: 'batch', divisible: false })
      const reasons = reasonsOf(answer.status, jsonOf(answer.body))
      total.refused.push(...reasons.map((reason) => ({ entry: entryAt(rest, reason), reason })))
      return attempt === 1 ? { ...total, outcome: 'refused' } : total
    }
    const again = tally(total, rest, answer)
    if (again.length === 0) return total
    // Entries of a batch for which the server had no room are sent again by themselves.
    rest = subsetOf(rest, again)
    if (!(await delivery.patience.wait(attempt))) return giveUp(total, rest, 'stopped')
  }
  return total
}

/** Some entries of a batch are stored, so that it must not be sent again as a whole. */
function giveUp(total: Delivered, rest: Piece, how: 'unknown' | 'stopped'): Delivered {
  const reason: Reason = { status: 0, code: how === 'unknown' ? 'load.unknown' : 'load.busy' }
  for (const entry of rest.entries) total.refused.push({ entry, reason })
  return total
}

/** Not stored, says the server: RFC 6585 §4, RFC 9110 §15.6.4, and a request that did not arrive in time. */
const COME_AGAIN = new Set([408, 429, 503])
/** A proxy lost the server while it was working, or the server its database: it may be stored. */
const OUTCOME_UNKNOWN = new Set([502, 504])

async function send(delivery: Delivery, piece: Piece): Promise<Answer | 'unknown' | 'stopped'> {
  const body = bodyOf(piece)
  let refreshed = false
  for (let attempt = 1; ; attempt++) {
    let retryAfterMs: number | undefined
    try {
      const token = await delivery.token.current()
      const answer = await delivery.connection.post(delivery.path, body, {
        ...HEADERS,
        authorization: `Bearer ${token}`,
      })
      if (answer.status === 401 && !refreshed) {
        refreshed = true
        delivery.token.refused(token)
        continue
      }
      const isLost = OUTCOME_UNKNOWN.has(answer.status)
      if (!COME_AGAIN.has(answer.status) && !isLost) return answer
      if (isLost && !piece.repeatable) return 'unknown'
      retryAfterMs = answer.retryAfterMs
    } catch (error) {
      if (!(error instanceof ConnectionLost) && !isUnavailable(error)) throw error
      if (error instanceof ConnectionLost && error.sent && !piece.repeatable) return 'unknown'
    }
    if (!(await delivery.patience.wait(attempt, retryAfterMs))) return 'stopped'
  }
}

const HEADERS = { 'content-type': 'application/fhir+json', accept: 'application/fhir+json', prefer: 'return=minimal' }

/** The token endpoint is away or busy, as the server itself may be. */
function isUnavailable(error: unknown): boolean {
  const category = (error as { fault?: { category?: unknown } } | undefined)?.fault?.category
  return category === 'unavailable' || category === 'busy'
}

/** Counts the answer's entries; answers the places of those to send again. */
function tally(total: Delivered, piece: Piece, answer: Answer): number[] {
  const bundle = jsonOf(answer.body) as { entry?: ResponseEntry[] } | undefined
  const responses = Array.isArray(bundle?.entry) ? bundle.entry : raise(NO_ANSWER)
  const again: number[] = []
  for (const [index, entry] of piece.entries.entries()) {
    const { response, outcome } = responses[index] ?? {}
    const status = statusOf(response?.status)
    if (COME_AGAIN.has(status)) again.push(index)
    else if (OUTCOME_UNKNOWN.has(status)) {
      // Nobody knows whether it is stored: what leaves the same when it is sent twice is sent again.
      if (piece.repeatable) again.push(index)
      else total.refused.push({ entry, reason: { status, code: 'load.unknown' } })
    } else if (status < 200 || status >= 300)
      for (const reason of reasonsOf(status, outcome ?? response?.outcome)) total.refused.push({ entry, reason })
    else if (entry.method === 'POST' && status === 200) total.existing++
    else if (entry.method !== 'GET' && entry.method !== 'HEAD') total.stored++
  }
  return again
}

/** `201`, or `201 Created`. */
function statusOf(status: unknown): number {
  return typeof status === 'string' ? Number.parseInt(status, 10) || 0 : 0
}

interface ResponseEntry {
  response?: { status?: unknown; outcome?: unknown }
  outcome?: unknown
}

/** The entry that an expression of the Bundle names. */
function entryAt(piece: Piece, { expression }: Reason): PieceEntry | undefined {
  const match = /^Bundle\.entry\[(\d+)\]/.exec(expression ?? '')
  return match ? piece.entries[Number(match[1])] : undefined
}

const NO_ANSWER = {
  category: 'unavailable',
  code: 'cli.server-strange',
  message: 'What answers there is no FHIR server: it sent no Bundle. Check --url.',
} as const

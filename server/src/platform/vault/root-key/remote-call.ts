import { setTimeout as wait } from 'node:timers/promises'
import { FaultError, raise } from '#kernel'

/** One attempt; a key service answers in well under a second when it answers at all. */
const ATTEMPT_MS = 5_000
/** A short hiccup is ridden out; a longer one is for the caller, whose keys stay valid in memory meanwhile. */
const ATTEMPTS_MAX = 3
const BACK_OFF_MS = 100
/** Answers are a wrapped key and some metadata. */
const ANSWER_BYTES_MAX = 64 * 1024

export interface RemoteRequest {
  url: string
  method: 'POST'
  headers: Record<string, string>
  body: string
}

export interface RemoteAnswer {
  status: number
  /** Parsed JSON; an empty object when the answer has no body or is not JSON. */
  json: Record<string, unknown>
}

/**
 * Call a key service over HTTP. `request` is built anew for each attempt, because signatures hold the time. Answers
 * that may differ next time (429, 5xx) and broken connections are tried again; all others are returned.
 * Fault `vault.root-key-unavailable`.
 */
export async function callKeyService(service: string, request: () => Promise<RemoteRequest>): Promise<RemoteAnswer> {
  let cause: unknown
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    if (attempt > 1) await wait(BACK_OFF_MS * 4 ** (attempt - 2))
    const { url, ...init } = await request()
    try {
      const answer = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(ATTEMPT_MS) })
      const json = await readJson(answer)
      if (answer.status < 500 && answer.status !== 429) return { status: answer.status, json }
      cause = new Error(`${service} answered ${answer.status}`)
    } catch (error) {
      if (error instanceof FaultError) throw error
      cause = error
    }
  }
  return raise(
    {
      category: 'unavailable',
      code: 'vault.root-key-unavailable',
      message: `${service} does not answer. Check its address and that this host can reach it.`,
    },
    cause,
  )
}

/** Fault for an answer that refuses: our credentials, or their rights. */
export function refusedByKeyService(service: string): never {
  return raise({
    category: 'forbidden',
    code: 'vault.root-key-forbidden',
    message: `${service} refused these credentials. Check the token or access key, and its right to encrypt and decrypt with this key.`,
  })
}

async function readJson(answer: Response): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new RangeError('answer too long')
    chunks.push(chunk)
  }
  try {
    const json: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

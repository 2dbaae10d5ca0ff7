import type { KoaContext } from 'oidc-provider'
import { Provider } from 'oidc-provider'
import type { ClientRow } from './store.ts'

/** What is known of one request to the token endpoint, from its arrival to its answer and its audit record. */
export interface TokenRequest {
  requestId: string
  /** The client's network address, for the failure limiter. */
  address: string
  /** The client id as sent, when a secret came with it: only secrets can be guessed, so only they are limited. */
  guessing?: string
  /** The registered client with that id, disabled or not. */
  client?: ClientRow
  /** Why the answer is a 5xx. */
  failure?: unknown
}

/** The token request under way, from inside a hook of oidc-provider. */
export function tokenRequest(ctx: KoaContext | undefined = Provider.ctx): TokenRequest {
  const request = ctx?.state['tokenRequest']
  if (request === undefined) throw new Error('assertion failed: an OAuth hook ran outside a token request')
  return request as TokenRequest
}

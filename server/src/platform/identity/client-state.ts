import type { Clock } from '#kernel'
import type { IdentityStore } from './store.ts'

/** How long a disabled or changed client's tokens may go on working. Asking per request would cost a round trip each. */
const RECHECK_MS = 5_000
/** Clients remembered, about 1 MB; beyond it the one seen first is asked for again. */
const CLIENTS_MAX = 10_000

/** What a process last heard of a client. */
export interface ClientState {
  readonly id: string
  /** Version of an enabled client; 0: disabled or gone. */
  version: number
  tenant: number
  /** Monotonic time of the answer. */
  checkedAt: number
}

export interface ClientStates {
  /** Whether `state` may be relied on without asking. */
  fresh(state: ClientState): boolean
  /** The client's state, at most 5 s old. Requests that come while one asks share its answer. */
  get(id: string): Promise<ClientState>
  /** Ask again next time: this process changed the client. */
  forget(id: string): void
}

export function createClientStates({ store, clock }: { store: IdentityStore; clock: Clock }): ClientStates {
  const states = new Map<string, ClientState>()
  const asking = new Map<string, Promise<ClientState>>()
  const fresh = (state: ClientState): boolean => clock.monotonic() - state.checkedAt < RECHECK_MS
  const ask = async (id: string): Promise<ClientState> => {
    // The time before the question: a change committed while it travels may not be in the answer.
    const checkedAt = clock.monotonic()
    const found = await store.client(id)
    const state = states.get(id) ?? { id, version: 0, tenant: 0, checkedAt }
    state.version = found && !found.disabled ? found.version : 0
    state.tenant = found?.tenant ?? 0
    state.checkedAt = checkedAt
    states.set(id, state)
    if (states.size > CLIENTS_MAX) {
      const oldest = states.keys().next()
      if (!oldest.done) states.delete(oldest.value)
    }
    return state
  }
  return {
    fresh,
    get: (id) => {
      const state = states.get(id)
      if (state && fresh(state)) return Promise.resolve(state)
      let question = asking.get(id)
      if (!question) {
        question = ask(id).finally(() => asking.delete(id))
        asking.set(id, question)
      }
      return question
    },
    forget: (id) => {
      const state = states.get(id)
      if (state) state.checkedAt = Number.NEGATIVE_INFINITY
    },
  }
}

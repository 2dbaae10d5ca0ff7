import { type Context, createContext, Script } from 'node:vm'
import { endQuiet } from '#kernel'

const SCRIPT = new Script('work()')
let context: (Context & { work?: () => void }) | undefined

/**
 * Run synchronous work and stop it when it has taken `ms`: the engine ends it wherever it stands, so that neither `catch` nor
 * `finally` in it run. What it was changing must be thrown away; only a silence of the console (`quietly`) is ended. Costs 0.1 ms. Undefined when it was stopped.
 */
export function withinTime<T>(ms: number, work: () => T): { result: T } | undefined {
  let done: { result: T } | undefined
  context ??= createContext({})
  context.work = () => {
    done = { result: work() }
  }
  try {
    SCRIPT.runInContext(context, { timeout: Math.max(1, Math.ceil(ms)) })
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    endQuiet()
    return undefined
  } finally {
    context.work = () => undefined
  }
  return done
}

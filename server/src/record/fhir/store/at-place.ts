import { FaultError, raise } from '#kernel'

/** Run `work` for one of several requests: a fault that names no element gets the request's place in its Bundle. */
export async function atPlace<T>({ place }: { place?: string }, work: () => Promise<T> | T): Promise<T> {
  if (place === undefined) return work()
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    const { fault } = error
    return raise({ ...fault, expression: fault.expression ?? place }, error)
  }
}

import type { Chance } from './chance.ts'

/** Something that is given inputs. `run` makes one from `chance` and throws, or rejects, when it is not handled well. */
export interface Target {
  name: string
  run(chance: Chance): void | Promise<void>
}

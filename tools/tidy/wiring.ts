import { importsOf, isTest, moduleOf } from './repository.ts'
import type { Rule } from './rule.ts'

/** `module.ts` wires a module into a process, so only composition roots import it. */
export const wiring: Rule = {
  name: 'wiring',
  check: (repository) =>
    repository.sources
      .filter(({ path }) => moduleOf(path) !== 'roles' && !isTest(path))
      .flatMap((source) =>
        importsOf(source)
          .filter(({ target, specifier }) => target?.endsWith('/module.ts') || /^#[a-z0-9-]+\/module$/.test(specifier))
          .map(({ line, specifier }) => ({
            path: source.path,
            line,
            message: `${specifier} is imported by roles only. Import the door, or move the wiring to a role.`,
          })),
      ),
}

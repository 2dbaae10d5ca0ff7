import { BUILT_IN_PACKAGES } from './built-in.ts'

/** A package that another one leans on. */
export interface MissingDependency {
  name: string
  /** As the package asks for it; may end in `.x`. */
  version: string
  /** Versions of it that are present instead. */
  present: string[]
}

/** The dependencies that neither came with Salus nor were installed in that version. */
export function missingDependencies(
  dependencies: Readonly<Record<string, string>>,
  installed: readonly { name: string; version: string }[],
): MissingDependency[] {
  const all = [...BUILT_IN_PACKAGES, ...installed]
  return Object.entries(dependencies).flatMap(([name, version]) => {
    const present = all.filter((each) => each.name === name).map((each) => each.version)
    return present.some((each) => satisfies(each, version)) ? [] : [{ name, version, present }]
  })
}

/** `1.2.x` asks for any patch, `current` and `latest` for any version at all. */
function satisfies(version: string, asked: string): boolean {
  if (asked === 'current' || asked === 'latest' || asked === 'dev') return true
  return asked.endsWith('.x') ? version.startsWith(asked.slice(0, -1)) : version === asked
}

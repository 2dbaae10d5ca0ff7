import type { Problem, Rule } from './rule.ts'

/** Text that ties the product to one machine or one network, with what to write instead. */
const WORDS: { pattern: RegExp; message: string }[] = [
  {
    pattern: /(?<![\w.~-])\/(?:work|root|Users|home\/[a-z][\w-]*)\/[\w.-]/,
    message: 'an absolute path of one machine. Write it relative to the checkout, or take it from the caller.',
  },
  {
    pattern:
      /https?:\/\/(?!fhir-registry\.)[\w.-]*(?:registry|artifactory|nexus|verdaccio|npm-mirror)[\w-]*\.(?!example\b)[\w.-]+/i,
    message: 'a registry host. The lock file and the .npmrc of the user name registries; the product names none.',
  },
  {
    pattern: /"resolved":\s*"https?:\/\//,
    message: 'the lock file names a registry. Install again: .npmrc keeps such addresses out.',
  },
]

/** Nothing in the repository depends on where it was written. */
export const words: Rule = {
  name: 'words',
  check: (repository) =>
    repository.texts.flatMap(({ path, text }) =>
      WORDS.filter(({ pattern }) => pattern.test(text)).flatMap(({ pattern, message }) =>
        places(path, text, pattern, message),
      ),
    ),
}

function places(path: string, text: string, pattern: RegExp, message: string): Problem[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [{ path, line: index + 1, message }] : []))
}

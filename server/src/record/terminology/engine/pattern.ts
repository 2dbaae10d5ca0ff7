import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { type CharTest, type PatternNode, parsePattern } from './pattern-parser.ts'

/** A compiled regular expression: whether it matches the whole text. */
export type Pattern = (text: string) => boolean

/**
 * Compile a regular expression of a value set filter (http://hl7.org/fhir/filter-operator#regex), which must match the whole
 * value. All its states advance together over the text, so that the time is the product of both lengths whatever the pattern:
 * `(a+)+$`, which holds a backtracking engine for minutes, takes microseconds. `spend` is told of the work of each match. Undefined when
 * it is none or has too many states.
 */
export function compilePattern(source: string, spend?: (visits: number) => void): Pattern | undefined {
  if (source.length > TERMINOLOGY_LIMITS.patternCharsMax) return undefined
  const root = parsePattern(source)
  if (!root) return undefined
  const machine = new Machine()
  const end = machine.add({ kind: 'end' })
  const start = machine.build(root, end)
  if (machine.states.length > TERMINOLOGY_LIMITS.patternStatesMax) return undefined
  return (text) => {
    // States times letters is all it can cost; a hundred of these are the work of one concept.
    spend?.(Math.ceil((machine.states.length * (text.length + 1)) / 100))
    return run(machine.states, start, text)
  }
}

type State =
  | { kind: 'end' }
  | { kind: 'char'; test: CharTest; next: number }
  | { kind: 'split'; left: number; right: number }
  | { kind: 'begin' | 'finish'; next: number }

class Machine {
  readonly states: State[] = []

  add(state: State): number {
    // One more than allowed is enough to know that it has too many.
    if (this.states.length <= TERMINOLOGY_LIMITS.patternStatesMax) this.states.push(state)
    return this.states.length - 1
  }

  /** Build backwards: the state from which `node` and then `next` is matched. */
  build(node: PatternNode, next: number): number {
    switch (node.kind) {
      case 'char':
        return this.add({ kind: 'char', test: node.test, next })
      case 'anchor':
        return this.add({ kind: node.at === 'start' ? 'begin' : 'finish', next })
      case 'sequence':
        return node.parts.reduceRight((after, part) => this.build(part, after), next)
      case 'choice':
        return node.parts
          .map((part) => this.build(part, next))
          .reduce((left, right) => this.add({ kind: 'split', left, right }))
      case 'repeat':
        return this.#repeat(node, next)
    }
  }

  #repeat(node: PatternNode & { kind: 'repeat' }, next: number): number {
    let after = next
    if (node.max === Number.POSITIVE_INFINITY) {
      const loop = this.add({ kind: 'split', left: next, right: next })
      const body = this.build(node.part, loop)
      this.states[loop] = { kind: 'split', left: body, right: next }
      after = loop
    } else
      for (let count = node.min; count < node.max && !this.isFull; count++)
        after = this.add({ kind: 'split', left: this.build(node.part, after), right: next })
    for (let count = 0; count < node.min && !this.isFull; count++) after = this.build(node.part, after)
    return after
  }

  get isFull(): boolean {
    return this.states.length > TERMINOLOGY_LIMITS.patternStatesMax
  }
}

function run(states: readonly State[], start: number, text: string): boolean {
  let current = closure(states, [start], { at: 0, length: text.length })
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const reached: number[] = []
    for (const index of current) {
      const state = states[index]
      if (state?.kind === 'char' && state.test(code)) reached.push(state.next)
    }
    if (reached.length === 0) return false
    current = closure(states, reached, { at: at + 1, length: text.length })
  }
  return [...current].some((index) => states[index]?.kind === 'end')
}

/** All states reached without a further character. */
function closure(
  states: readonly State[],
  from: readonly number[],
  place: { at: number; length: number },
): ReadonlySet<number> {
  const seen = new Set<number>()
  const waiting = [...from]
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (seen.has(index)) continue
    seen.add(index)
    const state = states[index]
    if (state?.kind === 'split') waiting.push(state.left, state.right)
    else if (state?.kind === 'begin' && place.at === 0) waiting.push(state.next)
    else if (state?.kind === 'finish' && place.at === place.length) waiting.push(state.next)
  }
  return seen
}

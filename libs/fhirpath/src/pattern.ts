import { FhirPathError } from './fhirpath-error.ts'
import { type CharTest, type PatternNode, parsePattern } from './pattern-parser.ts'
import type { Run } from './run.ts'

/** Where a pattern matched; `groups` holds start and end of each group, the whole match first. */
export interface PatternMatch {
  start: number
  end: number
  groups: readonly (number | undefined)[]
}

export interface Pattern {
  /** The first match at or after `from`. */
  find(text: string, from: number, run: Run): PatternMatch | undefined
  /** Whether the pattern matches the whole text. */
  matchesAll(text: string, run: Run): boolean
}

/**
 * Compiles a regular expression for `matches` and `replaceMatches`, `.` including line ends.
 *
 * The engine is our own because that of JavaScript cannot be interrupted: `(a+)+$` on thirty letters would hold the
 * process for minutes, and patterns arrive in profiles and patches. This one backtracks too, but charges every try
 * to the run, so that such a pattern ends with a `limit` error.
 */
export function compilePattern(source: string, position: number): Pattern {
  const { root, groups } = parsePattern(source, position)
  const match = compileNode(root, (_state, at) => at)
  const matchWhole = compileNode(root, (state, at) => (at === state.text.length ? at : FAILED))
  const anchored = startsAnchored(root)
  return {
    find(text, from, run) {
      const last = anchored ? 0 : text.length
      const state = new State(text, run, position, groups)
      for (let start = from; start <= last; start++) {
        run.spend(1, position)
        const end = match(state, start)
        if (end === FAILED) {
          // A look-ahead may have captured before what follows it failed.
          if (groups > 0) state.groups.fill(undefined)
          continue
        }
        state.groups[0] = start
        state.groups[1] = end
        return { start, end, groups: state.groups }
      }
      return undefined
    },
    matchesAll: (text, run) => matchWhole(new State(text, run, position, groups), 0) !== FAILED,
  }
}

const FAILED = -1

/** Stack frames one match may take for repeated groups: each round takes one for each part of the group. */
const FRAMES_MAX = 3_000

/** Frames of a round besides those of its parts. */
const ROUND_FRAMES = 4

class State {
  readonly text: string
  readonly run: Run
  readonly position: number
  readonly groups: (number | undefined)[]
  frames = 0

  constructor(text: string, run: Run, position: number, groups: number) {
    this.text = text
    this.run = run
    this.position = position
    this.groups = new Array<undefined>(2 * (groups + 1)).fill(undefined)
  }
}

/** Tries to match at `at` and everything that follows; the end of the whole match or `FAILED`. */
type Matcher = (state: State, at: number) => number

function compileNode(node: PatternNode, next: Matcher): Matcher {
  switch (node.kind) {
    case 'char': {
      const { test } = node
      return (state, at) => (at < state.text.length && test(state.text.charCodeAt(at)) ? next(state, at + 1) : FAILED)
    }
    case 'sequence':
      return node.parts.reduceRight((following, part) => compileNode(part, following), next)
    case 'either':
      return either(node.options.map((option) => compileNode(option, next)))
    case 'group':
      return group(node.index, node.body, next)
    case 'repeat':
      return repeat(node, next)
    case 'look':
      return look(node.body, node.negative, next)
    case 'start':
      return (state, at) => (at === 0 ? next(state, at) : FAILED)
    case 'end':
      return (state, at) => (at === state.text.length ? next(state, at) : FAILED)
    case 'boundary':
      return (state, at) => (isBoundary(state.text, at) ? next(state, at) : FAILED)
    case 'noBoundary':
      return (state, at) => (isBoundary(state.text, at) ? FAILED : next(state, at))
  }
}

function either(options: Matcher[]): Matcher {
  return (state, at) => {
    for (const option of options) {
      state.run.spend(1, state.position)
      const end = option(state, at)
      if (end !== FAILED) return end
    }
    return FAILED
  }
}

function group(index: number, body: PatternNode, next: Matcher): Matcher {
  const starts: number[] = []
  const inner = compileNode(body, (state, at) => {
    const { groups } = state
    const before = [groups[2 * index], groups[2 * index + 1]]
    groups[2 * index] = starts.pop() as number
    groups[2 * index + 1] = at
    const end = next(state, at)
    if (end === FAILED) {
      starts.push(groups[2 * index] as number)
      groups[2 * index] = before[0]
      groups[2 * index + 1] = before[1]
    }
    return end
  })
  return (state, at) => {
    const height = starts.length
    starts.push(at)
    try {
      return inner(state, at)
    } finally {
      starts.length = height
    }
  }
}

function repeat(node: Extract<PatternNode, { kind: 'repeat' }>, next: Matcher): Matcher {
  const { body } = node
  if (body.kind === 'char') return repeatChar(body.test, node, next)
  if (body.kind === 'group' && body.body.kind === 'char') {
    const some = repeatChar(body.body.test, { ...node, min: Math.max(1, node.min) }, capturingLast(body.index, next))
    if (node.min > 0) return some
    return either(node.lazy ? [next, some] : [some, next])
  }
  return repeatGroup(node, next)
}

/** A group of one character has captured the last one. */
function capturingLast(index: number, next: Matcher): Matcher {
  return (state, at) => {
    const { groups } = state
    const before = [groups[2 * index], groups[2 * index + 1]]
    groups[2 * index] = at - 1
    groups[2 * index + 1] = at
    const end = next(state, at)
    if (end === FAILED) [groups[2 * index], groups[2 * index + 1]] = before
    return end
  }
}

interface Repeat {
  min: number
  max: number
  lazy: boolean
}

/** Repeats of a single character need no recursion, so that `.*` works on a long text. */
function repeatChar(test: CharTest, { min, max, lazy }: Repeat, next: Matcher): Matcher {
  return (state, at) => {
    const { text } = state
    const stop = Math.min(text.length, at + max)
    let end = at
    const wanted = lazy ? Math.min(stop, at + min) : stop
    while (end < wanted && test(text.charCodeAt(end))) end += 1
    state.run.spend(1 + ((end - at) >> 3), state.position)
    if (lazy) return growing(state, { at: end, first: at + min, stop, test }, next)
    for (; end >= at + min; end--) {
      state.run.spend(1, state.position)
      const result = next(state, end)
      if (result !== FAILED) return result
    }
    return FAILED
  }
}

function growing(
  state: State,
  from: { at: number; first: number; stop: number; test: CharTest },
  next: Matcher,
): number {
  if (from.at < from.first) return FAILED
  let end = from.at
  for (;;) {
    state.run.spend(1, state.position)
    const result = next(state, end)
    if (result !== FAILED) return result
    if (end >= from.stop || !from.test(state.text.charCodeAt(end))) return FAILED
    end += 1
  }
}

function repeatGroup(node: Repeat & { body: PatternNode }, next: Matcher): Matcher {
  const { min, max, lazy } = node
  const frames = ROUND_FRAMES + sizeOf(node.body)
  // The round that is being tried and where it began: set before each round, restored when it fails.
  let round = 0
  let began = -1
  const body = compileNode(node.body, (state, at) => {
    // A round that matched nothing would go on for ever.
    if (at === began && round > min) return FAILED
    return attempt(state, at)
  })
  const once: Matcher = (state, at) => {
    const saved = [round, began] as const
    round += 1
    began = at
    const end = body(state, at)
    ;[round, began] = saved
    return end
  }
  const leave: Matcher = (state, at) => {
    const saved = [round, began] as const
    round = 0
    const end = next(state, at)
    ;[round, began] = saved
    return end
  }
  const attempt: Matcher = (state, at) => {
    enter(state, frames)
    try {
      if (round < min) return once(state, at)
      if (round >= max) return leave(state, at)
      const [first, second] = lazy ? [leave, once] : [once, leave]
      const end = first(state, at)
      return end === FAILED ? second(state, at) : end
    } finally {
      state.frames -= frames
    }
  }
  return (state, at) => {
    const saved = [round, began] as const
    round = 0
    began = -1
    try {
      return attempt(state, at)
    } finally {
      ;[round, began] = saved
    }
  }
}

function sizeOf(node: PatternNode): number {
  switch (node.kind) {
    case 'sequence':
      return node.parts.reduce((size, part) => size + sizeOf(part), 0)
    case 'either':
      return 1 + Math.max(...node.options.map(sizeOf))
    case 'group':
    case 'look':
    case 'repeat':
      return 2 + sizeOf(node.body)
    default:
      return 1
  }
}

function enter(state: State, frames: number): void {
  state.run.spend(1, state.position)
  state.frames += frames
  if (state.frames > FRAMES_MAX) {
    throw new FhirPathError('limit', 'the regular expression repeats a group too often', state.position)
  }
}

function look(body: PatternNode, negative: boolean, next: Matcher): Matcher {
  const inner = compileNode(body, (_state, at) => at)
  return (state, at) => {
    state.run.spend(1, state.position)
    return (inner(state, at) === FAILED) === negative ? next(state, at) : FAILED
  }
}

function isBoundary(text: string, at: number): boolean {
  return isWord(text.charCodeAt(at - 1)) !== isWord(text.charCodeAt(at))
}

function isWord(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122)
}

function startsAnchored(node: PatternNode): boolean {
  if (node.kind === 'sequence') return node.parts[0] !== undefined && startsAnchored(node.parts[0])
  if (node.kind === 'group') return startsAnchored(node.body)
  return node.kind === 'start'
}

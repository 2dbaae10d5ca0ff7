import { readdirSync, readFileSync } from 'node:fs'

/** What a server with its database has used and holds now. */
export interface TreeSample {
  /** CPU seconds since their start, children that have ended included. */
  serverCpu: number
  databaseCpu: number
  /** Resident memory. The database's shared buffers count once. */
  serverMb: number
  databaseMb: number
  /** Process ids of the server's processes. */
  serverPids: number[]
}

/** Linux reports CPU time in hundredths of a second to programs, whatever its own clock. */
const TICKS_PER_SECOND = 100
const KB_PER_MB = 1024

/** Measure `root` and everything below it; processes named postgres are the database. Linux only. */
export function sampleTree(root: number): TreeSample {
  const all = new Map(pids().flatMap((pid) => entry(pid) ?? []))
  const sample: TreeSample = { serverCpu: 0, databaseCpu: 0, serverMb: 0, databaseMb: 0, serverPids: [] }
  let sharedMb = 0
  for (const [pid, { name, cpu }] of all) {
    if (!isBelow(pid, root, all)) continue
    const memory = memoryOf(pid)
    if (name === 'postgres') {
      sample.databaseCpu += cpu
      sample.databaseMb += memory.privateMb
      sharedMb = Math.max(sharedMb, memory.sharedMb)
    } else {
      sample.serverCpu += cpu
      if (name === 'sh') continue
      sample.serverMb += memory.totalMb
      sample.serverPids.push(pid)
    }
  }
  sample.databaseMb += sharedMb
  return sample
}

/** CPU seconds all processes of the machine have used. */
export function hostCpu(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softIrq) / TICKS_PER_SECOND
}

interface Entry {
  name: string
  parent: number
  cpu: number
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Undefined when the process has ended meanwhile. */
function entry(pid: number): [number, Entry][] | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name stands in parentheses and may hold anything.
  const end = stat.lastIndexOf(')')
  const name = stat.slice(stat.indexOf('(') + 1, end)
  const fields = stat.slice(end + 2).split(' ')
  // Own time and that of ended children, each in user and in system mode: fields 14 to 17 of proc_pid_stat(5).
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
  return [[pid, { name, parent: Number(fields[1]), cpu: ticks / TICKS_PER_SECOND }]]
}

function isBelow(pid: number, root: number, all: Map<number, Entry>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = all.get(at)?.parent)
    if (at === root) return true
  return false
}

function memoryOf(pid: number): { totalMb: number; privateMb: number; sharedMb: number } {
  const status = read(`/proc/${pid}/status`) ?? ''
  const of = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / KB_PER_MB
  return { totalMb: of('VmRSS'), privateMb: of('RssAnon'), sharedMb: of('RssShmem') }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

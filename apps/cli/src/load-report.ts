import type { ClassifyFault } from './load-classify.ts'
import type { Reason } from './load-outcome.ts'
import type { Origin } from './load-piece.ts'
import type { ReadFault } from './load-read.ts'

/** One refusal: where, why. File names are the operator's own; nothing of the data is in it. */
export interface Refusal extends Reason {
  file: string
  place: string
  /** Resource type, when it is known. */
  type: string
}

export interface LoadReport {
  url: string
  files: number
  resources: {
    stored: number
    /** Creates on condition whose resource was there. */
    existing: number
    refused: number
  }
  /** Bundles, packs and single files that an earlier run had stored, or that came twice. */
  storedBefore: number
  /** Sent, but the connection was lost before the answer: look whether they are there. */
  unknown: Origin[]
  refusals: Refusal[]
  /** Further refusals that are counted but not listed. */
  refusalsLeftOff: number
  seconds: number
  /** Interrupted, or the server was lost: run the same command again to go on. */
  complete: boolean
  state: string | undefined
}

/** A directory of files of the wrong kind must not fill the memory. */
const REFUSALS_MAX = 10_000
/** What a screen shows; --report has all. */
const GROUPS_MAX = 20

export function newReport(url: string, files: number, state?: string): LoadReport {
  return {
    url,
    files,
    resources: { stored: 0, existing: 0, refused: 0 },
    storedBefore: 0,
    unknown: [],
    refusals: [],
    refusalsLeftOff: 0,
    seconds: 0,
    complete: false,
    state,
  }
}

export function addRefusal(report: LoadReport, refusal: Refusal): void {
  if (report.refusals.length < REFUSALS_MAX) report.refusals.push(refusal)
  else report.refusalsLeftOff++
}

/** What each of our own codes means, and what to do. */
export const LOCAL_REASONS: Record<ReadFault | ClassifyFault | 'load.busy' | 'load.unknown', string> = {
  'load.unreadable': 'The file cannot be read. Check its permissions.',
  'load.gzip-broken': 'The gzip data is damaged or cut off. Copy the file again.',
  'load.too-large': 'Larger than the limit. Split the Bundle, or write the collection as NDJSON.',
  'load.json-broken': 'Not valid JSON.',
  'load.not-a-resource': 'Not a FHIR resource: it has no resourceType.',
  'load.bundle-type': 'Only transaction, batch, collection and searchset Bundles can be loaded.',
  'load.bundle-malformed': 'An entry of the Bundle is no object, or holds no resource.',
  'load.too-many-entries': 'More entries than a transaction may have. Split the Bundle.',
  'load.busy': 'The server stayed too busy for this entry of a batch. Load it again later.',
  'load.unknown': 'The connection was lost while this entry was being stored. Look whether it is there.',
}

/** The report as lines for people. `noun`: what `files` counts. */
export function reportText(report: LoadReport, noun: 'file' | 'patient'): string {
  const { resources, seconds, unknown } = report
  const rate = seconds > 0 ? `, ${count(Math.round(resources.stored / seconds))} a second` : ''
  const lines = [
    `Stored ${count(resources.stored)} resources of ${count(report.files)} ${noun}${report.files === 1 ? '' : 's'} in ${seconds.toFixed(1)} s${rate}.`,
  ]
  if (resources.existing > 0)
    lines.push(`${count(resources.existing)} conditional creates matched a resource that was there already.`)
  if (report.storedBefore > 0)
    lines.push(
      `Left out, as stored before or given twice: ${count(report.storedBefore)} (Bundles, files, or packs of lines). --fresh loads what was stored before.`,
    )
  if (unknown.length > 0) {
    lines.push(
      `Not known whether stored, as the connection was lost: ${count(unknown.length)}. Look for them, then give --retry-unknown to send them again:`,
    )
    for (const origin of unknown.slice(0, GROUPS_MAX)) lines.push(`  ${whereOf(origin)}`)
  }
  if (report.refusals.length > 0) lines.push(...refusalLines(report))
  return `${lines.join('\n')}\n`
}

function refusalLines(report: LoadReport): string[] {
  const groups = new Map<string, Refusal[]>()
  for (const refusal of report.refusals) {
    const key = [refusal.status, refusal.code, refusal.type, shapeOf(refusal.expression)].join(' ')
    groups.set(key, [...(groups.get(key) ?? []), refusal])
  }
  const sorted = [...groups.values()].sort((a, b) => b.length - a.length)
  const lines = [
    `Refused ${count(report.resources.refused)} resources (a transaction is stored or refused as a whole):`,
  ]
  for (const group of sorted.slice(0, GROUPS_MAX)) {
    const [first] = group as [Refusal]
    const message = first.message ?? LOCAL_REASONS[first.code as keyof typeof LOCAL_REASONS] ?? ''
    const what = [first.status || '', first.code, first.type, shapeOf(first.expression)]
      .filter((part) => part !== '')
      .join(' ')
    lines.push(
      `  ${count(group.length)} x ${what}${message === '' ? '' : `: ${message}`}`,
      `      first: ${whereOf(first)}`,
    )
  }
  const more = sorted.length - GROUPS_MAX
  if (more > 0) lines.push(`  and ${more} other reasons: --report <file> lists them all.`)
  return lines
}

/** The path without the numbers of entries, so that equal mistakes stand together. */
function shapeOf(expression = ''): string {
  return expression.replace(/^Bundle\.entry\[\d+\]\.?(?:resource(?:\.|$))?/, '').replace(/\[\d+\]/g, '')
}

function whereOf({ file, place }: Origin): string {
  return place === '' ? file : `${file}, ${place}`
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

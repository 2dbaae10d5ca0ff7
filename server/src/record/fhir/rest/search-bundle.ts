import { typeName } from '@salus/fhir-model'
import type { Fault } from '#kernel'
import { idOf } from '../store/resolve-targets.ts'
import type { StoredRow } from '../store/rows.ts'
import { outcomeOf } from './outcome.ts'

export interface BundlePart {
  rows: readonly StoredRow[]
  /** Serialised resources, in order; undefined for one that cannot be shown any more. */
  bodies: readonly (Buffer | undefined)[]
  mode: 'match' | 'include'
}

export interface BundleFrame {
  fhirBase: string
  links: { relation: string; url: string }[]
  total?: number
  warnings: readonly Fault[]
}

/** A searchset Bundle put together from serialised resources without parsing them: http://hl7.org/fhir/R4/bundle.html#searchset */
export function searchBundle(frame: BundleFrame, parts: readonly BundlePart[]): Buffer {
  const head = {
    resourceType: 'Bundle',
    type: 'searchset',
    ...(frame.total === undefined ? {} : { total: frame.total }),
    link: frame.links,
  }
  const pieces: Buffer[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"entry":[`)]
  let isFirst = true
  const push = (entry: Buffer[]): void => {
    if (!isFirst) pieces.push(COMMA)
    isFirst = false
    pieces.push(...entry)
  }
  for (const { rows, bodies, mode } of parts) {
    for (const [index, row] of rows.entries()) {
      const body = bodies[index]
      if (body)
        push([
          Buffer.from(`{"fullUrl":"${frame.fhirBase}/${typeName(row.type)}/${idOf(body)}","resource":`),
          body,
          TAIL[mode],
        ])
    }
  }
  if (frame.warnings.length > 0)
    push([Buffer.from(`{"resource":${JSON.stringify(warningsOutcome(frame.warnings))},"search":{"mode":"outcome"}}`)])
  // R4 knows no empty arrays.
  if (isFirst) pieces[0] = Buffer.from(`${JSON.stringify(head)}`)
  else pieces.push(END)
  return Buffer.concat(pieces)
}

function warningsOutcome(warnings: readonly Fault[]): object {
  const outcomes = warnings.map((warning) => outcomeOf(warning) as { issue: object[] })
  return {
    resourceType: 'OperationOutcome',
    issue: outcomes.flatMap(({ issue }) => issue.map((one) => ({ ...one, severity: 'warning' }))),
  }
}

const COMMA = Buffer.from(',')
const END = Buffer.from(']}')
const TAIL = {
  match: Buffer.from(',"search":{"mode":"match"}}'),
  include: Buffer.from(',"search":{"mode":"include"}}'),
}

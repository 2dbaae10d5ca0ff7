import { createHash } from 'node:crypto'
import { compileCustomParameter, searchParameters, UnusableParameter } from '@salus/fhir-model'
import type { Draft } from '../store/draft.ts'
import type { ParameterRow } from '../store/rows.ts'

/**
 * What writing a SearchParameter resource means for searches. One that is not active, that was deleted, that no index can
 * be made of or that only says again what the official one of its code says is stored like any resource and not searched by.
 */
export function parameterRow(
  tenant: number,
  draft: Pick<Draft, 'resource' | 'rid' | 'version' | 'updated'>,
): ParameterRow {
  const { resource, rid, version, updated } = draft
  return { tenant, rid, version, changed: updated, shape: resource ? shapeOf(resource) : null }
}

/** Why a SearchParameter is not searched by; undefined when it is. */
export function whyUnused(resource: object): string | undefined {
  const { status, code, base } = resource as { status?: unknown; code?: unknown; base?: unknown }
  if (status !== 'active') return 'Its status is not active.'
  try {
    compileCustomParameter(resource, 0)
  } catch (error) {
    if (error instanceof UnusableParameter) return `${error.element}: ${error.message}`
    throw error
  }
  const official = (base as string[]).find((type) => searchParameters(type).has(code as string))
  return official === undefined
    ? undefined
    : `${official} has an official parameter of this code, which stays in force.`
}

/** Equal while nothing changes that decides what is indexed. */
function shapeOf(resource: object): Buffer | null {
  if (whyUnused(resource) !== undefined) return null
  const { code, type, base, expression, target, component } = resource as Record<string, unknown>
  const shape = JSON.stringify([code, type, base, expression, target ?? [], component ?? []])
  return createHash('sha256').update(shape).digest()
}

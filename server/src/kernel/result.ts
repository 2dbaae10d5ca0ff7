import type { Fault } from './fault.ts'

/**
 * An outcome the caller is expected to branch on.
 * Where the only thing a caller could do is pass the fault on, throw a `FaultError` instead (STYLE.md, "Errors").
 */
export type Result<T, F = Fault> = { ok: true; value: T } | { ok: false; fault: F }

/** A success. */
export function ok<T>(value: T): { ok: true; value: T } {
  return { ok: true, value }
}

/** An expected failure. */
export function fail<F>(fault: F): { ok: false; fault: F } {
  return { ok: false, fault }
}

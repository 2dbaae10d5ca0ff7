import { typeNumber } from '@salus/fhir-model'
import type { IndexRow } from '../search/index-row.ts'
import type { ResolvedIds } from './resolve-ids.ts'
import { NO_DATE, type ResourceRow, type WriteRows } from './rows.ts'

/** The columns of a resource's row that searches look at. */
export function searchColumns(index: IndexRow): Pick<ResourceRow, 'lo' | 'hi' | 'code' | 'present' | 'tokens'> {
  return {
    lo: index.lo ?? NO_DATE,
    hi: index.hi ?? NO_DATE,
    code: index.code ? index.code.readBigInt64BE() : null,
    present: index.present,
    tokens: index.tokens,
  }
}

/** Add the rows of other tables that a resource is found by. Its references must be resolved. */
export function addIndexRows(
  rows: Pick<WriteRows, 'codes' | 'references' | 'dates' | 'quantities'>,
  row: Pick<ResourceRow, 'tenant' | 'type' | 'rid' | 'patient' | 'lo'>,
  index: IndexRow,
  ids: ResolvedIds,
): void {
  const { tenant, type, rid, patient, lo } = row
  for (const code of index.codes) rows.codes.push({ tenant, type, rid, patient, code: code.readBigInt64BE(), lo })
  for (const { param, target } of index.references) {
    const targetRid = ids.rid(target.type, target.id)
    const targetType = typeNumber(target.type)
    if (targetRid !== undefined && targetType !== undefined)
      rows.references.push({ tenant, src: rid, target: targetRid, param, targetType })
  }
  for (const { param, lo: from, hi } of index.dates) rows.dates.push({ tenant, src: rid, lo: from, hi, param })
  for (const { param, unit, value, canon } of index.quantities)
    rows.quantities.push({ tenant, src: rid, unit: unit.readBigInt64BE(), value, canon, param })
}

import type { Vault } from '#vault'

/** First segment of the addresses of jobs and their files: no resource type begins with an underscore. */
export const BULK_SEGMENT = '_bulk'

/** No resource has this type: a job's id is taken for nothing else. */
const JOB_TYPE = 0

/** What clients call a job: it cannot be guessed, and is not asked for in the database unless this tenant made it. */
export function jobId(vault: Pick<Vault, 'publicId'>, job: { tenant: number; number: number }): string {
  return vault.publicId(job.tenant, JOB_TYPE, job.number)
}

/** Number of the job of that id; undefined for one that this tenant did not make. */
export function jobNumber(vault: Pick<Vault, 'ridOf'>, tenant: number, id: string): number | undefined {
  return vault.ridOf(tenant, JOB_TYPE, id)
}

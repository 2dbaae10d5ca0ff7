import type { Database } from '#db'

/** What can be done with resources that claim profiles: stored as they are, tagged with how they did, or refused. */
export const VALIDATION_POLICIES = ['accept', 'tag', 'reject'] as const

/** What a tenant wants done with resources that claim profiles. */
export type ValidationPolicy = (typeof VALIDATION_POLICIES)[number]

type Queryable = Pick<Database, 'query'>

/** Policies of all tenants that have another one than `accept`. */
export async function readPolicies(database: Queryable): Promise<Map<number, ValidationPolicy>> {
  const rows = await database.query(POLICIES)
  return new Map(rows.map(([tenant, policy]) => [tenant as number, policy as ValidationPolicy]))
}

/** Set a tenant's policy. */
export async function writePolicy(
  database: Queryable,
  { tenant, policy, since }: { tenant: number; policy: ValidationPolicy; since: number },
): Promise<void> {
  if (policy === 'accept') await database.query(FORGET, [tenant])
  else await database.query(SET, [tenant, policy, since])
}

const POLICIES = { name: 'fhir.validation-policies', text: 'select tenant, policy from record.validation_policy' }
const FORGET = { text: 'delete from record.validation_policy where tenant = $1::int' }
const SET = {
  text: `insert into record.validation_policy (tenant, policy, since) values ($1::int, $2::text, $3::bigint)
    on conflict (tenant) do update set policy = excluded.policy, since = excluded.since`,
}

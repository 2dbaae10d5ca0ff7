import { readPolicies, type ValidationPolicy, writePolicy } from '#fhir'
import { requireTenant } from '#identity'
import { type Admin, DEFAULT_TENANT } from './admin.ts'

export { VALIDATION_POLICIES, type ValidationPolicy } from '#fhir'

/** What is done with a tenant's resources that claim profiles. Recorded. Fault `identity.tenant-unknown`. */
export function validationPolicy(admin: Admin, tenant: number): Promise<ValidationPolicy> {
  const text = `validation --tenant ${tenant}`
  // The tenant of the record is the default one: the one named may not exist.
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, async () => {
    await requireTenant(admin.database, tenant)
    const policies = await readPolicies(admin.database)
    return policies.get(tenant) ?? 'accept'
  })
}

/** Set it; running servers notice within two seconds. What is stored already stays as it is. Recorded. Fault `identity.tenant-unknown`. */
export function setValidationPolicy(admin: Admin, tenant: number, policy: ValidationPolicy): Promise<void> {
  const text = `validation --tenant ${tenant} ${policy}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, async () => {
    await requireTenant(admin.database, tenant)
    await writePolicy(admin.database, { tenant, policy, since: admin.clock.now() })
  })
}

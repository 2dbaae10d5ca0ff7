import { mayExpunge, setMayExpunge } from '#fhir'
import { requireTenant } from '#identity'
import { type Admin, DEFAULT_TENANT, openForCommand } from './admin.ts'

/** Whether a tenant's clients may remove versions for good. Recorded. Fault `identity.tenant-unknown`. */
export function expungeAllowed(admin: Admin, tenant: number): Promise<boolean> {
  const text = `expunge --tenant ${tenant}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, async () => {
    await requireTenant(admin.database, tenant)
    return mayExpunge(admin.database, tenant)
  })
}

/** Allow or forbid it, at once and on each server, as the owner of the database. Recorded. Fault `identity.tenant-unknown`. */
export function setExpungeAllowed(admin: Admin, tenant: number, allowed: boolean): Promise<void> {
  const text = `expunge --tenant ${tenant} ${allowed ? 'allow' : 'forbid'}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, async () => {
    await requireTenant(admin.database, tenant)
    const owner = await openForCommand(admin.databaseUrl, admin.log, 'owner')
    try {
      await setMayExpunge(owner, { tenant, allowed, since: admin.clock.now() })
    } finally {
      await owner.close()
    }
  })
}

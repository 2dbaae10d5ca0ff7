import { type AddedPackage, type InstalledPackage, openPackages, type PackageSource } from '#definitions'
import { type Admin, DEFAULT_TENANT } from './admin.ts'

export type { AddedPackage, InstalledPackage } from '#definitions'

/** The installed packages. Recorded. */
export function listPackages(admin: Admin): Promise<InstalledPackage[]> {
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text: 'package list' }, () => openPackages(admin).list())
}

/** Install a package for the whole installation. Recorded. Faults `definitions.package.*`. */
export function addPackage(admin: Admin, source: PackageSource, options: { replace: boolean }): Promise<AddedPackage> {
  const text = `package add ${source.path}${options.replace ? ' --replace' : ''}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, () => openPackages(admin).add(source, options))
}

/** Take a package away. Recorded. Fault `definitions.package.not-installed`. */
export function removePackage(admin: Admin, name: string, version: string): Promise<void> {
  const text = `package remove ${name} ${version}`
  return admin.act({ action: 'admin', tenant: DEFAULT_TENANT, text }, () => openPackages(admin).remove(name, version))
}

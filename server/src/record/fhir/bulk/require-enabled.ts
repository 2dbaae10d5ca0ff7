import { raise } from '#kernel'
import { CLIENT_DISABLED } from './bulk-faults.ts'

/** What goes on after the request that asked for it, and its token. */
export interface ForClients {
  /** Whether a client may still act; the answer may be some seconds old. */
  isEnabled(client: string): Promise<boolean>
}

/** Before each commit of an import and each page of an export. Fault `fhir.bulk.client-disabled`. */
export async function requireEnabled({ isEnabled }: ForClients, client: string): Promise<void> {
  if (!(await isEnabled(client))) raise(CLIENT_DISABLED)
}

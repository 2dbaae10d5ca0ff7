import type { Connection, Database } from '#db'

/** Advisory lock of loading: `load` in ASCII. One load at a time, over all processes of an installation. */
const LOCK = { text: 'select pg_try_advisory_lock(1819238756)' }
const REMOVE_UNFINISHED = { text: 'delete from terminology.system where not ready' }
const CLEAR_STAGED = { text: 'delete from terminology.staged' }
const FIND = { text: 'select id from terminology.system where ready and url = $1 and version = $2' }
const REMOVE = { text: 'delete from terminology.system where ready and url = $1 and version = $2 returning id' }
const RAISE = { text: 'update terminology.state set revision = revision + 1' }

/** Whether this session may load: false while another one does. The session holds the right until it ends. */
export async function takeLoadLock(session: Connection): Promise<boolean> {
  return (await session.query(LOCK))[0]?.[0] === true
}

/** Remove what a load left that was killed: nobody has ever seen it. */
export async function removeUnfinished(database: Database): Promise<void> {
  await database.query(REMOVE_UNFINISHED)
  await database.query(CLEAR_STAGED)
}

/** Whether that version is loaded. */
export async function isLoaded(database: Database, url: string, version: string): Promise<boolean> {
  return (await database.query(FIND, [url, version])).length > 0
}

/** Take a loaded version away. False when there is none. */
export function removeLoaded(database: Database, url: string, version: string): Promise<boolean> {
  return database.transaction(async (tx) => {
    if ((await tx.query(REMOVE, [url, version])).length === 0) return false
    await tx.query(RAISE)
    return true
  })
}

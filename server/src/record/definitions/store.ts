import { byteaArray, type Connection, type Database, int4Array, type Row } from '#db'
import type { Pack } from './pack.ts'

/** An installed package. */
export interface InstalledPackage {
  /** Number of this installation of it; one installed later has a greater one. */
  id: number
  name: string
  version: string
  /** Milliseconds since 1970. */
  installed: number
  /** SHA-256 of the file, hex. */
  sha256: string
  fileBytes: number
  /** What it takes in the database, and in the memory of each server process. */
  storedBytes: number
  definitions: number
  /** Version by name, as in package.json. */
  dependencies: Record<string, string>
}

type Queryable = Pick<Database, 'query'> | Pick<Connection, 'query'>

const REVISION = { name: 'definitions.revision', text: 'select revision from definitions.state' }
const LOCK = { text: 'select revision from definitions.state for update' }
const RAISE_REVISION = { text: 'update definitions.state set revision = revision + 1' }
const PACKAGES = {
  text: `select id, name, version, installed, encode(sha256, 'hex'), file_bytes, stored_bytes, definitions, dependencies
    from definitions.package order by id`,
}
const INDEX = { text: 'select index from definitions.package where id = $1::int' }
const MEMBERS = {
  text: `select content from definitions.member
    where package = $1::int and number >= $2::int and number < $3::int order by number`,
}
const ADD_PACKAGE = {
  text: `insert into definitions.package
      (name, version, installed, sha256, file_bytes, stored_bytes, definitions, dependencies, index)
    values ($1, $2, $3::bigint, decode($4, 'hex'), $5::bigint, $6::bigint, $7::int, $8::jsonb, $9::bytea) returning id`,
}
const ADD_MEMBERS = {
  text: `insert into definitions.member (package, number, content)
    select $1::int, number, content from unnest($2::int[], $3::bytea[]) as given (number, content)`,
}
const REMOVE_PACKAGE = {
  text: 'delete from definitions.package where name = $1 and version = $2 returning id',
}

/** Members that travel in one statement: of 10 KB each as a rule, of a few MB at worst. */
const MEMBERS_PER_STATEMENT = 64

/** Raised by each package added or removed. */
export async function readRevision(database: Queryable): Promise<number> {
  return (await database.query(REVISION))[0]?.[0] as number
}

/** As `readRevision`; whoever else adds or removes a package waits for the end of this transaction. */
export async function lockPackages(tx: Connection): Promise<void> {
  await tx.query(LOCK)
}

/** All packages, in the order they were installed. */
export async function readPackages(database: Queryable): Promise<InstalledPackage[]> {
  return (await database.query(PACKAGES)).map(installedPackage)
}

function installedPackage(row: Row): InstalledPackage {
  return {
    id: row[0] as number,
    name: row[1] as string,
    version: row[2] as string,
    installed: row[3] as number,
    sha256: row[4] as string,
    fileBytes: row[5] as number,
    storedBytes: row[6] as number,
    definitions: row[7] as number,
    dependencies: row[8] as Record<string, string>,
  }
}

/** The encoded index of a package; undefined when it was removed meanwhile. */
export async function readIndex(database: Queryable, id: number): Promise<Buffer | undefined> {
  return (await database.query(INDEX, [id]))[0]?.[0] as Buffer | undefined
}

/** The members of a package in their order; fewer when it was removed meanwhile. */
export async function readMembers(database: Queryable, id: number, count: number): Promise<Buffer[]> {
  const members: Buffer[] = []
  for (let from = 0; from < count; from += MEMBERS_PER_STATEMENT)
    for (const row of await database.query(MEMBERS, [id, from, from + MEMBERS_PER_STATEMENT]))
      members.push(row[0] as Buffer)
  return members
}

/** Add a package with its members and raise the revision. */
export async function addPackage(
  tx: Connection,
  about: Omit<InstalledPackage, 'id' | 'storedBytes' | 'definitions'> & { index: Buffer; pack: Pack },
): Promise<void> {
  const { members, index } = about.pack
  const [row] = await tx.query(ADD_PACKAGE, [
    about.name,
    about.version,
    about.installed,
    about.sha256,
    about.fileBytes,
    index.members.reduce((sum, bytes) => sum + bytes, 0),
    index.rows.length,
    JSON.stringify(about.dependencies),
    about.index,
  ])
  for (let from = 0; from < members.length; from += MEMBERS_PER_STATEMENT) {
    const some = members.slice(from, from + MEMBERS_PER_STATEMENT)
    await tx.query(ADD_MEMBERS, [row?.[0], int4Array(some.map((_, place) => from + place)), byteaArray(some)])
  }
  await tx.query(RAISE_REVISION)
}

/** Remove a package and raise the revision. False when there is none of that name and version. */
export async function removePackage(tx: Connection, name: string, version: string): Promise<boolean> {
  const removed = await tx.query(REMOVE_PACKAGE, [name, version])
  if (removed.length === 0) return false
  await tx.query(RAISE_REVISION)
  return true
}

import { isTest, moduleOf, type Repository } from './repository.ts'
import type { Problem, Rule } from './rule.ts'
import { lineAt, type Source } from './source.ts'

/** Schema of each module that has tables. A module not listed has a schema of its own name. */
const SCHEMAS: Record<string, string> = { db: 'salus', fhir: 'record' }
const KNOWN = ['db', 'events', 'audit', 'vault', 'identity', 'definitions', 'terminology', 'fhir']

/** Statements, not prose: at the start of the text, of a line or of a parenthesis, all small or all capital letters. */
const STATEMENT =
  /(?:^|[\n(;])\s*(?:(?:select|SELECT)\s+[^;]*?\s(?:from|FROM)\s+["\w$(]|(?:select|SELECT)\s+[\w.]+\(|(?:insert into|INSERT INTO)\s+\S|(?:update|UPDATE)\s+\S+(?:\s+(?:as\s+)?\w+)?\s+(?:set|SET)\s|(?:delete from|DELETE FROM)\s+\S|(?:create|alter|drop|CREATE|ALTER|DROP)\s+(?:unlogged |temp |unique )?(?:table|index|schema|role|sequence|database|function|TABLE|INDEX|SCHEMA|ROLE|SEQUENCE|DATABASE|FUNCTION)\s|(?:copy|COPY)\s+["\w.${}]+\s*(?:\(|from |to |FROM |TO ))/

/** SQL stands in a module's `store.ts` and names only the module's own schema. */
export const sql: Rule = {
  name: 'sql',
  check: (repository) => [
    ...repository.sources.filter((source) => mayHoldNone(source.path)).flatMap(outsideStore),
    ...repository.sources.filter((source) => isStore(source.path)).flatMap(foreignSchemas),
    ...foreignSchemasOfMigrations(repository),
  ],
}

function isStore(path: string): boolean {
  return /^server\/src\/.*\/store\.ts$/.test(path)
}

function mayHoldNone(path: string): boolean {
  return /^(server|libs|apps)\//.test(path) && !isStore(path) && !isTest(path) && !path.includes('/migrations/')
}

function outsideStore(source: Source): Problem[] {
  return source.literals
    .filter((literal) => STATEMENT.test(literal.value))
    .map((literal) => ({
      path: source.path,
      line: lineAt(source.text, literal.start),
      message: "SQL outside store.ts. Move it to the module's store.ts and call it from here.",
    }))
}

function schemaOf(module: string): string {
  return SCHEMAS[module] ?? module
}

/** Tables of other modules named in `text`: `schema.table` after a word that takes a table. */
function foreignTables(text: string, module: string): string[] {
  const own = schemaOf(module)
  const others = KNOWN.map(schemaOf).filter((schema) => schema !== own)
  const place = new RegExp(
    `\\b(?:from|join|into|update|table|copy|on|references|usage|sequence|nextval\\(')\\s*(?:only\\s+|if (?:not )?exists\\s+)?((?:${others.join('|')})\\.[a-z_]+)`,
    'gi',
  )
  return [...text.matchAll(place)].map((match) => match[1] ?? '')
}

function foreignSchemas(source: Source): Problem[] {
  const module = moduleOf(source.path)
  return source.literals.flatMap((literal) =>
    foreignTables(literal.value, module).map((table) => ({
      path: source.path,
      line: lineAt(source.text, literal.start),
      message: `${table} belongs to another module. Ask its door; this store.ts names only ${schemaOf(module)}.*`,
    })),
  )
}

function foreignSchemasOfMigrations(repository: Repository): Problem[] {
  return repository.texts
    .filter(({ path }) => /^server\/src\/.*\/migrations\/[^/]+\.sql$/.test(path))
    .flatMap(({ path, text }) => {
      const module = moduleOf(path)
      const statements = text.replace(/--[^\n]*/g, (comment) => ' '.repeat(comment.length))
      return foreignTables(statements, module).map((table) => ({
        path,
        line: lineAt(text, statements.indexOf(table)),
        message: `${table} belongs to another module. Move this to that module's migrations.`,
      }))
    })
}

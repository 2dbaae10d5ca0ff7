import { typeNumber } from '@salus/fhir-model'
import { createLog, loadConfig, systemClock } from '../../server/src/kernel/index.ts'
import {
  type Connection,
  type Database,
  openConnection,
  openDatabase,
  type Statement,
} from '../../server/src/platform/db/index.ts'
import { openVault, type Vault } from '../../server/src/platform/vault/index.ts'
import { indexResource, parseSearch, runSearch, statementNames } from '../../server/src/record/fhir/search/index.ts'
import type { BenchServer } from './bench-server.ts'
import type { RowPattern } from './fill-record.ts'
import { median } from './median.ts'
import { ownerUrl } from './owner-connection.ts'

/** The product's search, beside a running server, on the same database and keys. */
export interface SearchExplainer {
  url: string
  database: Database
  vault: Vault
  /** Search columns of a resource as the server would write them. */
  pattern(resource: Record<string, unknown>): RowPattern
  /** What the server has written so far. */
  stored(owner: Connection): Promise<{ type: number; rows: number; sealedBytes: number }>
  close(): Promise<void>
}

export interface ExplainedSearch {
  /** Median of planning and execution together. */
  milliseconds: number
  /** Index scans and filters in reading order, and the pages touched. */
  plan: string
}

const TENANT = 1
const OBSERVATION = typeNumber('Observation') as number

export async function openSearcher(server: BenchServer): Promise<SearchExplainer> {
  const url = await ownerUrl(server)
  const log = createLog({ level: 'error' })
  const database = await openDatabase({ url, connections: 1, statementTimeoutMs: 60_000, log })
  const config = loadConfig({ SALUS_DATA_DIR: server.dataDir })
  const vault = await openVault({ database, config, clock: systemClock, log })
  return {
    url,
    database,
    vault,
    pattern: (resource) => {
      const { code, tokens, present } = indexResource(resource, { tokens: vault.tokenizer(TENANT), owner: 'a' })
      if (code === null) throw new Error('the resource has no code')
      return { code, tokens, present }
    },
    stored: async (owner) => {
      const [row] = await owner.query(
        {
          text: 'select count(*), coalesce(avg(length(sealed)), 0)::int from record.resource where tenant = $1 and type = $2',
        },
        [TENANT, OBSERVATION],
      )
      return { type: OBSERVATION, rows: Number(row?.[0]), sealedBytes: Number(row?.[1]) }
    },
    close: async () => {
      await vault.close()
      await database.close()
    },
  }
}

/** Run a search of a type (default Observation) as the product does, and time the first statement it sends with EXPLAIN. */
export async function explainSearch(
  searcher: SearchExplainer,
  options: { type?: string; query: string; times: number; planCacheMode: 'force_custom_plan' | 'force_generic_plan' },
): Promise<ExplainedSearch> {
  const { statement, values } = await compiled(searcher, options)
  const connection = await openConnection({
    url: searcher.url,
    role: 'app',
    planCacheMode: options.planCacheMode,
  })
  try {
    const taken: number[] = []
    let plan = ''
    for (let n = 0; n < options.times; n++) {
      const [row] = await connection.query(
        { text: `explain (analyze, buffers, format json) ${statement.text}` },
        values,
      )
      const explained = planOf(row?.[0])
      taken.push(explained['Planning Time'] + explained['Execution Time'])
      const pages = explained.Plan['Shared Hit Blocks'] + explained.Plan['Shared Read Blocks']
      plan = `${options.planCacheMode === 'force_generic_plan' ? 'generic' : 'custom'} plan: ${steps(explained.Plan).join(', ')}; ${pages} pages`
    }
    return { milliseconds: median(taken), plan }
  } finally {
    await connection.close()
  }
}

interface PlanNode {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  'Actual Rows'?: number
  'Actual Loops'?: number
  Plans?: PlanNode[]
}

interface Explained {
  'Planning Time': number
  'Execution Time': number
  Plan: PlanNode & { 'Shared Hit Blocks': number; 'Shared Read Blocks': number }
}

function planOf(answer: unknown): Explained {
  const [explained] = (typeof answer === 'string' ? JSON.parse(answer) : answer) as Explained[]
  if (!explained) throw new Error('EXPLAIN gave no plan')
  return explained
}

/** The nodes that read, with what they read; those that never ran are left out. */
function steps(node: PlanNode): string[] {
  if ((node['Actual Loops'] ?? 0) === 0) return []
  const read = node['Index Name'] ?? node['Relation Name']
  const own = read === undefined ? [] : [`${node['Node Type']} on ${read} (${node['Actual Rows'] ?? 0} rows)`]
  return [...own, ...(node.Plans ?? []).flatMap(steps)]
}

/** The statement the product compiles for a search, caught on its way to the database. */
async function compiled(
  { database, vault }: SearchExplainer,
  { type = 'Observation', query }: { type?: string; query: string },
): Promise<{ statement: Statement; values: readonly unknown[] }> {
  const request = parseSearch({
    types: [type],
    parameters: [...new URLSearchParams(query)],
    clock: systemClock,
  })
  if (!request.ok) throw new Error(request.fault.message)
  const sent: { statement: Statement; values: readonly unknown[] }[] = []
  await runSearch(
    {
      database: {
        query: (statement, values = []) => {
          sent.push({ statement, values })
          return database.query(statement, values)
        },
      },
      vault,
      names: statementNames(),
      clock: systemClock,
      open: async (rows) => rows.map(() => undefined),
      resolveIds: (_tenant, ids) => resolved({ database, vault }, ids),
    },
    { tenant: TENANT, client: 'bench', scopes: { allows: () => true } },
    request.value,
  )
  const [first] = sent
  if (!first) throw new Error('the search sent no statement')
  return first
}

/** Numbers of ids, those that clients chose included. */
async function resolved(
  { database, vault }: Pick<SearchExplainer, 'database' | 'vault'>,
  ids: readonly { type: string; id: string }[],
): Promise<{ rid(type: string, id: string): number | undefined }> {
  const rids = new Map<string, number | undefined>()
  for (const { type, id } of ids) {
    const number = typeNumber(type) as number
    const token = vault.tokenizer(TENANT).signed(`${type}.id`, 'alias', id)
    const text = 'select rid from record.alias where tenant = $1 and type = $2 and token = $3'
    const [row] = await database.query({ text }, [TENANT, number, token])
    rids.set(`${type}/${id}`, vault.ridOf(TENANT, number, id) ?? (row?.[0] as number | undefined))
  }
  return { rid: (type, id) => rids.get(`${type}/${id}`) }
}

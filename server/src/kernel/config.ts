import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { didYouMean } from './did-you-mean.ts'
import { raise } from './fault.ts'

type Kind = 'string' | 'path' | 'port' | 'integer' | 'switch' | 'choice' | 'url'

interface Setting {
  kind: Kind
  /** Value when the variable is absent; undefined: none. */
  fallback?: string
  choices?: readonly string[]
  min?: number
  max?: number
  secret?: boolean
  help: string
}

/** Every setting, in the order of the generated reference page. All are environment variables. */
export const SETTINGS = {
  SALUS_PROFILE: {
    kind: 'choice',
    choices: ['development', 'production'],
    fallback: 'development',
    help: 'Production refuses bootstrap clients and demo data.',
  },
  SALUS_DATA_DIR: { kind: 'path', fallback: '.salus', help: 'Where the embedded database, keys and anchors live.' },
  SALUS_HTTP_HOST: {
    kind: 'string',
    fallback: '127.0.0.1',
    help: 'Address to listen on. Beyond loopback TLS or a trusted proxy is required.',
  },
  SALUS_HTTP_PORT: { kind: 'port', fallback: '8420', help: 'TCP port of the HTTP server.' },
  SALUS_PUBLIC_URL: {
    kind: 'url',
    help: 'The address clients use, e.g. https://record.example.org. Default: http(s)://host:port.',
  },
  SALUS_TLS_CERT: { kind: 'path', help: 'PEM certificate chain. Needs SALUS_TLS_KEY.' },
  SALUS_TLS_KEY: { kind: 'path', help: 'PEM private key. Needs SALUS_TLS_CERT.' },
  SALUS_TRUSTED_PROXY: {
    kind: 'string',
    help: 'Address or CIDR of the reverse proxy that terminates TLS; allows listening beyond loopback without TLS.',
  },
  SALUS_WORKERS: {
    kind: 'integer',
    fallback: '1',
    min: 1,
    max: 64,
    help: 'Server processes that share the port and the database.',
  },
  SALUS_DATABASE_URL: {
    kind: 'url',
    secret: true,
    help: 'External PostgreSQL 15 or newer. Absent: an embedded PostgreSQL in the data directory.',
  },
  SALUS_KEYSTORE_DATABASE_URL: {
    kind: 'url',
    secret: true,
    help: 'Separate PostgreSQL for the key store. Absent: the vault schema of the main database.',
  },
  SALUS_BOOTSTRAP_CLIENT: {
    kind: 'string',
    secret: true,
    help: '<id>:<secret> of a client registered at first start with system/*.cruds. Refused in production.',
  },
  SALUS_ROOT_KEY: {
    kind: 'choice',
    choices: ['file', 'vault-transit', 'aws-kms'],
    fallback: 'file',
    help: 'Provider of the root key.',
  },
  SALUS_ROOT_KEY_FILE: {
    kind: 'path',
    help: 'Root key file (32 bytes, base64). Default: <data dir>/keys/root.key, created 0600.',
  },
  SALUS_VAULT_ADDR: { kind: 'url', help: 'HashiCorp Vault address for SALUS_ROOT_KEY=vault-transit.' },
  SALUS_VAULT_TOKEN_FILE: { kind: 'path', help: 'File with the Vault token.' },
  SALUS_VAULT_TRANSIT_KEY: { kind: 'string', fallback: 'salus', help: 'Name of the Transit key.' },
  SALUS_AWS_KMS_KEY_ID: { kind: 'string', help: 'Key id or ARN for SALUS_ROOT_KEY=aws-kms.' },
  SALUS_AWS_REGION: { kind: 'string', help: 'AWS region of the KMS key.' },
  SALUS_AWS_KMS_ENDPOINT: { kind: 'url', help: 'Other KMS endpoint, e.g. a VPC endpoint.' },
  SALUS_AWS_CREDENTIALS_FILE: {
    kind: 'path',
    help: 'File with aws_access_key_id, aws_secret_access_key and optional aws_session_token lines.',
  },
  SALUS_FIPS: {
    kind: 'switch',
    fallback: 'off',
    help: 'Require an effective FIPS provider; refuse to start otherwise.',
  },
  SALUS_AUDIT_ANCHOR_DIR: {
    kind: 'path',
    help: 'Directory that receives each signed checkpoint. Default: <data dir>/anchors. Put it on other storage.',
  },
  SALUS_AUDIT_ARCHIVE_DIR: {
    kind: 'path',
    help: 'Directory for whole past months of the audit log. When set, the server archives each month after its end; removing archived rows from the database stays with "salus audit archive --remove".',
  },
  SALUS_DEMO: { kind: 'switch', fallback: 'off', help: 'Load demo patients at first start.' },
  SALUS_LOG_LEVEL: {
    kind: 'choice',
    choices: ['debug', 'info', 'warn', 'error'],
    fallback: 'info',
    help: 'Least severe level written.',
  },
  SALUS_STATEMENT_TIMEOUT_MS: {
    kind: 'integer',
    fallback: '20000',
    min: 100,
    max: 600_000,
    help: 'Longest a database statement of one request may take.',
  },
  SALUS_DB_CONNECTIONS: {
    kind: 'integer',
    fallback: '6',
    min: 2,
    max: 200,
    help: 'Database connections for reads, per process; half of them for searches that are planned each time.',
  },
  SALUS_TOKEN_TTL_SECONDS: { kind: 'integer', fallback: '900', min: 60, max: 3600, help: 'Life of an access token.' },
  SALUS_BULK_KEEP_HOURS: {
    kind: 'integer',
    fallback: '24',
    min: 1,
    max: 168,
    help: 'How long the files of $export, and what $import was given, are kept, from the start of the job.',
  },
  SALUS_IMPORT_ALLOW: {
    kind: 'string',
    help: 'Hosts (host or host:port, comma-separated) that $import may fetch from although they are not public, or by http. Absent: https to public addresses only.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: { kind: 'url', help: 'OpenTelemetry collector; traces are exported when set.' },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS

/** The configuration of one process, read once at start. Paths are absolute. */
export interface Config {
  get(name: SettingName): string | undefined
  required(name: SettingName): string
  integer(name: SettingName): number
  enabled(name: SettingName): boolean
  /** Path below the data directory. */
  dataPath(...parts: string[]): string
  production: boolean
}

/**
 * Read and check the environment. An unknown `SALUS_*` variable, a bad value or an unreadable file is a fault
 * that says what to do, before anything is started.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  for (const name of Object.keys(environment)) {
    if (name.startsWith('SALUS_') && !(name in SETTINGS) && !INTERNAL.has(name))
      raise({
        category: 'invalid',
        code: 'config.unknown',
        message: `${name} is not a setting of Salus.${didYouMean(name, Object.keys(SETTINGS))} See docs/reference/configuration.md.`,
      })
  }
  const values = new Map<string, string>()
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    const raw = environment[name] ?? setting.fallback
    if (raw !== undefined && raw !== '') values.set(name, checked(name, setting, raw))
  }
  const required = (name: SettingName): string =>
    values.get(name) ??
    raise({ category: 'invalid', code: 'config.missing', message: `Set ${name}: ${SETTINGS[name].help}` })
  const config: Config = {
    get: (name) => values.get(name),
    required,
    integer: (name) => Number(required(name)),
    enabled: (name) => values.get(name) === 'on',
    dataPath: (...parts) => resolve(required('SALUS_DATA_DIR'), ...parts),
    production: values.get('SALUS_PROFILE') === 'production',
  }
  checkTogether(config)
  return config
}

/** Set by the product's own tools for the processes they start; not settings. */
const INTERNAL = new Set(['SALUS_TEST_DATABASE_URL', 'SALUS_WORKER_INDEX'])

function checked(name: SettingName, setting: Setting, raw: string): string {
  const bad = (wanted: string): never =>
    raise({
      category: 'invalid',
      code: 'config.bad-value',
      message: `${name} must be ${wanted}${setting.secret ? '' : `, not "${raw}"`}.`,
    })
  switch (setting.kind) {
    case 'port':
      return /^\d{1,5}$/.test(raw) && Number(raw) <= 65_535 ? raw : bad('a TCP port from 0 to 65535')
    case 'integer': {
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = setting
      return /^\d{1,15}$/.test(raw) && Number(raw) >= min && Number(raw) <= max
        ? raw
        : bad(`a whole number from ${min} to ${max}`)
    }
    case 'switch':
      return raw === 'on' || raw === 'off' ? raw : bad('on or off')
    case 'choice':
      return setting.choices?.includes(raw) ? raw : bad(`one of ${setting.choices?.join(', ')}`)
    case 'url':
      return URL.canParse(raw) ? raw : bad('an absolute URL')
    case 'path':
      return resolve(raw)
    default:
      return raw
  }
}

function checkTogether(config: Config): void {
  const bootstrap = config.get('SALUS_BOOTSTRAP_CLIENT')
  if (bootstrap !== undefined && config.production)
    raise({
      category: 'invalid',
      code: 'config.bootstrap-in-production',
      message:
        'SALUS_BOOTSTRAP_CLIENT is refused when SALUS_PROFILE=production. Remove it; the first start writes a client to the data directory.',
    })
  if (config.enabled('SALUS_DEMO') && config.production)
    raise({
      category: 'invalid',
      code: 'config.demo-in-production',
      message:
        'SALUS_DEMO=on is refused when SALUS_PROFILE=production: synthetic patients do not belong beside real ones.',
    })
  if (bootstrap !== undefined && !/^[\w.-]{1,64}:.{8,256}$/.test(bootstrap))
    raise({
      category: 'invalid',
      code: 'config.bad-value',
      message:
        'SALUS_BOOTSTRAP_CLIENT must be <id>:<secret>, with an id of letters, digits, dot, dash and underscore and a secret of at least 8 characters.',
    })
  if (!config.get('SALUS_TLS_CERT') !== !config.get('SALUS_TLS_KEY'))
    raise({
      category: 'invalid',
      code: 'config.tls-half',
      message: 'Set both SALUS_TLS_CERT and SALUS_TLS_KEY, or neither.',
    })
  for (const name of [
    'SALUS_TLS_CERT',
    'SALUS_TLS_KEY',
    'SALUS_VAULT_TOKEN_FILE',
    'SALUS_AWS_CREDENTIALS_FILE',
  ] as const)
    readable(config, name)
  if (
    !isLoopback(config.required('SALUS_HTTP_HOST')) &&
    !config.get('SALUS_TLS_CERT') &&
    !config.get('SALUS_TRUSTED_PROXY')
  )
    raise({
      category: 'invalid',
      code: 'config.plain-beyond-loopback',
      message: `Refusing to listen on ${config.required('SALUS_HTTP_HOST')} without TLS. Set SALUS_TLS_CERT and SALUS_TLS_KEY, or SALUS_TRUSTED_PROXY when a proxy terminates TLS.`,
    })
}

function readable(config: Config, name: SettingName): void {
  const path = config.get(name)
  if (path === undefined) return
  try {
    readFileSync(path)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code
    raise({
      category: 'invalid',
      code: 'config.unreadable-file',
      message: `${name}: cannot read ${path} (${reason}). Check the path and its permissions.`,
    })
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

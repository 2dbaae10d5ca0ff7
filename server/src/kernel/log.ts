import { pino } from 'pino'

/**
 * Every field a log line may carry. Logging is by allow-list: a field that is not named here is dropped,
 * and a value that is not a plain string, number or boolean is too. Free text never reaches the log.
 */
const FIELDS = new Set([
  'requestId',
  'traceparent',
  'method',
  'route',
  'status',
  'durationMs',
  'client',
  'tenant',
  'type',
  'interaction',
  'code',
  'category',
  'count',
  'bytes',
  'port',
  'host',
  'pid',
  'worker',
  'version',
  'path',
  'node',
  'attempt',
  'signal',
  'sqlstate',
  'errorName',
  'stack',
  'url',
  'lagMs',
  'from',
  'to',
]) // prettier-ignore

/** Fields of one line; those not on the allow-list are dropped. */
export type LogFields = Record<string, string | number | boolean | undefined>
/** Severity, least first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Structured log: `event` is a fixed sentence, `fields` are from the allow-list. Never throws. */
export interface Log {
  /** Whether `debug` writes anything: lets hot paths skip putting its fields together. */
  readonly debugs: boolean
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

/** JSON lines on `destination` (standard error by default). `event` is a fixed sentence, never built from data. */
export function createLog(options: { level: LogLevel; destination?: { write(line: string): void } }): Log {
  const sink = pino(
    { level: options.level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' },
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  )
  const write =
    (level: LogLevel) =>
    (event: string, fields?: LogFields): void =>
      sink[level](fields ? allowed(fields) : {}, event)
  return {
    debugs: options.level === 'debug',
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

function allowed(fields: LogFields): LogFields {
  const kept: LogFields = {}
  for (const [key, value] of Object.entries(fields)) {
    if (FIELDS.has(key) && (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'))
      kept[key] = value
  }
  return kept
}

/**
 * What of an unexpected error may be logged: its class, its SQLSTATE and the code places of its stack.
 * Never its message: PostgreSQL and JSON errors quote the values they choke on.
 */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { errorName: typeof error }
  const places = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const code = (error as { code?: unknown }).code
  return {
    errorName: error.name,
    stack: places.slice(0, 12).join('\n'),
    ...(typeof code === 'string' ? { sqlstate: code } : {}),
  }
}

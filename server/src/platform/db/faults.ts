import { FaultError } from '#kernel'

/** SQLSTATE of a PostgreSQL error, also when it travels as the cause of a fault; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = (at as { code?: unknown }).code
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code
  }
  return undefined
}

/**
 * Whether the connection broke, so that the fate of a commit under way is unknown.
 * True for what `Connection.query` rejects with after a loss, and for the driver's own errors.
 */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof FaultError) return error.fault.code === 'db.unavailable'
  return isLoss(error)
}

/** Socket errors as Node names them; the driver's errors of a closed connection carry no code at all. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EACCES',
])
const DRIVER_LOSSES = /^(Connection terminated|Client (has encountered|was closed)|timeout expired)/
/** Server going down, crashed, starting up, read-only after a fail-over, or out of connection slots. */
const LOSS_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '25006', '53300', '08000', '08003', '08006', '08P01'])

function isLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string') return SOCKET_CODES.has(code) || LOSS_STATES.has(code)
  return DRIVER_LOSSES.test(error.message) || error instanceof AggregateError
}

export function unavailable(cause?: unknown): FaultError {
  return new FaultError(
    {
      category: 'unavailable',
      code: 'db.unavailable',
      message: 'The database cannot be reached. Retry shortly; if it stays so, run "salus doctor".',
    },
    { cause },
  )
}

export function diskFull(cause?: unknown): FaultError {
  return new FaultError(
    {
      category: 'unavailable',
      code: 'db.disk-full',
      message: 'The database has no disk space left. Nothing was damaged. Free space on its disk and try again.',
    },
    { cause },
  )
}

/** What a failed statement is answered with. Errors a caller decides on (unique, serialisation, ...) pass unchanged. */
export function statementFault(error: unknown): Error {
  if (error instanceof FaultError) return error
  const state = sqlState(error)
  if (state === '57014')
    return new FaultError(
      {
        category: 'too-costly',
        code: 'db.too-costly',
        message: 'This took longer than SALUS_STATEMENT_TIMEOUT_MS allows and was stopped. Narrow the request.',
      },
      { cause: error },
    )
  if (state === '53100') return diskFull(error)
  if (isLoss(error)) return unavailable(error)
  return error instanceof Error ? error : new Error('unknown database error', { cause: error })
}

/** What a failed attempt to connect is answered with. Never quotes the URL: it holds the password. */
export function connectFault(error: unknown): FaultError {
  if (error instanceof FaultError) return error
  const state = sqlState(error)
  const told = CONNECT_FAULTS[state ?? '']
  if (told) return new FaultError({ category: 'invalid', ...told }, { cause: error })
  return unavailable(error)
}

const CREDENTIALS = {
  code: 'db.credentials-refused',
  message: 'PostgreSQL refused the user or password of the database URL. Correct SALUS_DATABASE_URL.',
}
const CONNECT_FAULTS: Readonly<Record<string, { code: string; message: string }>> = {
  '28P01': CREDENTIALS,
  '28000': CREDENTIALS,
  '3D000': {
    code: 'db.no-database',
    message: 'The database named in SALUS_DATABASE_URL does not exist. Create it, or correct the name.',
  },
  // "role salus_app does not exist" (or may not be taken): the startup options name it.
  '22023': {
    code: 'db.not-migrated',
    message: 'The database has no role salus_app yet. Start Salus once with the owner URL so that it migrates.',
  },
  '42501': {
    code: 'db.role-refused',
    message: 'The database user may not act as salus_app. Grant it: "grant salus_app to <user>".',
  },
}

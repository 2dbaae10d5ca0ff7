import { totalmem } from 'node:os'

const MB = 1024 * 1024

/** PostgreSQL's configuration, written anew at each start. A site's own changes go to conf.d/site.conf beside it. */
export function settingsFile(options: { run: string; log: string; durable: boolean }): string {
  const memory = availableBytes()
  const settings: Record<string, string | number> = {
    // Reachable only through the socket directory of mode 0700.
    listen_addresses: quoted(''),
    unix_socket_directories: quoted(options.run),
    unix_socket_permissions: '0700',
    // A process with 200 connections, several workers and the command line together stay below.
    max_connections: 400,
    shared_buffers: `${Math.max(32, Math.floor(Math.min(1024 * MB, memory / 4) / MB))}MB`,
    effective_cache_size: `${Math.max(64, Math.floor(memory / 2 / MB))}MB`,
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    // Durability: what was acknowledged survives a power cut. Tests of logic alone switch it off.
    fsync: options.durable ? 'on' : 'off',
    full_page_writes: options.durable ? 'on' : 'off',
    synchronous_commit: options.durable ? 'on' : 'off',
    wal_compression: 'on',
    max_wal_size: '4GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    // Statements are short: compiling them costs more than it saves, and one search must not take all cores.
    jit: 'off',
    max_parallel_workers_per_gather: 0,
    random_page_cost: 1.1,
    // Insert-only tables need their visibility map for index-only scans and fresh statistics for the planner.
    autovacuum_naptime: '15s',
    autovacuum_max_workers: 2,
    autovacuum_vacuum_cost_limit: 2000,
    autovacuum_vacuum_insert_scale_factor: 0.1,
    autovacuum_analyze_scale_factor: 0.05,
    // A process less; a site that replicates logically sets it in site.conf.
    max_logical_replication_workers: 0,
    timezone: quoted('UTC'),
    log_timezone: quoted('UTC'),
    // A week of log files. No value of a statement may reach them: not its text, not its parameters, and no ERROR line,
    // because PostgreSQL quotes the offending value in the message itself. Salus logs its own account of each error.
    logging_collector: 'on',
    log_directory: quoted(options.log),
    log_filename: quoted('postgresql-%a.log'),
    log_truncate_on_rotation: 'on',
    log_rotation_age: '1d',
    log_rotation_size: 0,
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_statement: 'none',
    log_min_duration_statement: -1,
    log_error_verbosity: 'terse',
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    log_checkpoints: 'off',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  return `# Written by Salus at each start. Put your own settings into site.conf in this directory.\n${lines.join('\n')}\n`
}

/** A container's limit where there is one, else the machine's memory. */
function availableBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

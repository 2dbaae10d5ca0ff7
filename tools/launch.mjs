// Starts a TypeScript file of this repository on Node 24, installing what is missing first.
// Plain JavaScript without dependencies: it must run on Node 20 in a checkout where nothing is installed yet.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout, whatever its path looks like and wherever it was called from. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** First Node.js line that runs TypeScript files without a build step and without a warning. */
const NODE_MAJOR_MIN = 24
/**
 * Short-lived objects get 3 x 16 MB instead of 3 x 64: some 80 MB less resident memory under load; rates did not differ by more than noise.
 */
const NODE_OPTIONS = ['--max-semi-space-size=16']
/** Distinct exit codes, so that a supervisor can tell a broken installation from a failed program. */
const EXIT_CANNOT_RUN = 126
const EXIT_NOT_FOUND = 127
/** npm repeats itself; its last lines name the reason. */
const NPM_ERROR_LINES_MAX = 3
/** Enough for npm to name every package of a large lock file. */
const ERROR_CHARACTERS_MAX = 100_000

/**
 * Install if needed, then run `file` (a path below the checkout or an absolute one) with `args` in this process's place.
 * Does not return unless the file could not be started.
 */
export async function launch(file, args) {
  const path = isAbsolute(file) ? file : join(ROOT, file)
  if (!existsSync(path)) stop(`${file} does not exist in this checkout.`, EXIT_NOT_FOUND)
  if (needsInstall(ROOT)) await install()
  const node = findNode()
  if (node === undefined)
    stop(
      `Node ${NODE_MAJOR_MIN} or newer is needed; this is ${process.version} on ${process.platform}-${process.arch}, ` +
        `for which none is bundled. Install it from https://nodejs.org/ and try again.`,
      EXIT_CANNOT_RUN,
    )
  // Compiled code is kept between starts: a restart takes 0.7-0.9 s instead of 1.2, and 25 MB less.
  process.env.NODE_COMPILE_CACHE ??= join(ROOT, 'node_modules', '.cache', 'salus')
  // Freed buffers of imports go back to the system instead of resting in an arena per thread: some 60 MB of 390 resident (glibc only).
  process.env.MALLOC_ARENA_MAX ??= '1'
  // Replacing this process leaves one process to signal, to measure and to wait for.
  if (node === process.execPath && typeof process.execve === 'function' && process.platform !== 'win32')
    process.execve(node, [node, ...NODE_OPTIONS, path, ...args], process.env)
  await runChild(node, path, args)
}

/**
 * True when what is installed differs from what the lock file asks for.
 * Times only say when to look: a fresh clone or a copy has new times and the same content.
 */
export function needsInstall(root) {
  const wanted = join(root, 'package-lock.json')
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return true
  if (!existsSync(wanted) || statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return false
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages ?? {}
  const want = JSON.parse(readFileSync(wanted, 'utf8')).packages ?? {}
  const withDev = Object.values(have).some((entry) => entry.dev)
  return Object.entries(want).some(([path, entry]) => {
    if (!path.includes('node_modules/') || entry.link) return false
    const present = have[path]
    const isNeeded = !entry.optional && !entry.devOptional && (withDev || !entry.dev)
    if (present === undefined) return isNeeded
    // What lies below a workspace goes with it when only that folder is replaced; npm's list then still names it.
    if (isNeeded && !path.startsWith('node_modules/') && !existsSync(join(root, path))) return true
    return present.version !== entry.version || present.integrity !== entry.integrity
  })
}

/** The bundled Node of this platform, or this one when it is new enough. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) return process.execPath
  const name = process.platform === 'win32' ? 'node.exe' : join('bin', 'node')
  const bundled = join(ROOT, 'node_modules', `node-${process.platform}-${process.arch}`, name)
  return existsSync(bundled) ? bundled : undefined
}

async function install() {
  process.stderr.write('Installing dependencies (npm ci), about a minute ...\n')
  let { code, errors } = await npm('ci')
  // Same versions and hashes by the lock file, but packages of other platforms may be absent from it.
  if (code !== 0 && lacksOtherPlatformsOnly(errors)) ({ code, errors } = await npm('install', '--no-save'))
  if (code !== 0) stop(`npm ci failed (exit ${code}): ${npmReason(errors)}`, code)
}

/**
 * True when npm refuses the lock file only for optional packages without a version: it was written where the registry
 * does not offer the packages of other platforms. Any other difference is a real one and stays refused.
 */
export function lacksOtherPlatformsOnly(errors) {
  const differences = [...errors.matchAll(/(Missing|Invalid): (.*)$/gm)]
  return (
    differences.length > 0 &&
    differences.every(([, kind, what]) => kind === 'Missing' && /^\S+@ from lock file/.test(what))
  )
}

async function npm(...command) {
  const cli = process.env.npm_execpath
  const [program, first] = cli?.endsWith('.js') && existsSync(cli) ? [process.execPath, [cli]] : ['npm', []]
  // Development and optional packages too: the tests need them, and the bundled Node and PostgreSQL are optional ones.
  const args = [
    ...first,
    ...command,
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const child = spawn(program, args, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32' && program === 'npm',
  })
  let errors = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-ERROR_CHARACTERS_MAX)
  })
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      errors = `${program}: ${error.code}`
      resolve(EXIT_NOT_FOUND)
    })
    child.on('close', (status) => resolve(status ?? EXIT_CANNOT_RUN))
  })
  return { code, errors }
}

/** npm's own words, without the prefixes and the pointer to its log file. */
export function npmReason(errors) {
  const lines = errors
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!)\s*/i, '').trim())
    .filter((line) => line !== '' && !/^A complete log of this run|^npm warn|debug-\d+\.log$/i.test(line))
  return lines.slice(0, NPM_ERROR_LINES_MAX).join('; ') || 'no reason given. Run npm ci to see more.'
}

/** Run as a child (an older Node cannot replace itself): pass signals on, end with it, and never outlive each other. */
async function runChild(node, path, args) {
  const preload = new URL('./end-with-parent.mjs', import.meta.url).href
  const child = spawn(node, [...NODE_OPTIONS, '--import', preload, path, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, LAUNCHER_PIPE: '3' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'])
    process.on(signal, () => {
      // A terminal has already sent Ctrl-C to the whole foreground group; twice could read as "stop at once".
      if ((signal === 'SIGINT' || signal === 'SIGQUIT') && process.stdin.isTTY) return
      child.kill(signal)
    })
  await new Promise((resolve) => {
    child.on('error', (error) => {
      stop(
        `Cannot run ${basename(node)} (${error.code}). Install Node ${NODE_MAJOR_MIN} and try again.`,
        EXIT_CANNOT_RUN,
      )
    })
    child.on('close', (status, signal) => {
      process.exitCode = status ?? 128 + (constants.signals[signal] ?? 0)
      resolve()
    })
  })
  process.exit()
}

function stop(message, code) {
  process.stderr.write(`salus: ${message}\n`)
  process.exit(code)
}

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const { lacksOtherPlatformsOnly, needsInstall, npmReason } = (await import(
  pathToFileURL(join(HERE, 'launch.mjs')).href
)) as {
  needsInstall(root: string): boolean
  npmReason(errors: string): string
  lacksOtherPlatformsOnly(errors: string): boolean
}

const made: string[] = []
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true })
})

/** A checkout with a space in its path and nothing installed. */
function checkout(): string {
  const root = mkdtempSync(join(tmpdir(), 'a checkout '))
  made.push(root)
  mkdirSync(join(root, 'tools'))
  for (const file of ['launch.mjs', 'run.mjs', 'end-with-parent.mjs'])
    copyFileSync(join(HERE, file), join(root, 'tools', file))
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }\n')
  writeLock(root, 'package-lock.json', { pg: { version: '1.0.0' } })
  return root
}

type Packages = Record<string, { version: string; dev?: boolean; optional?: boolean }>

function writeLock(root: string, path: string, packages: Packages, ageSeconds = 0): void {
  const entries = Object.entries(packages).map(([name, entry]) => [`node_modules/${name}`, entry])
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), JSON.stringify({ packages: Object.fromEntries(entries) as object }))
  const time = Date.now() / 1000 - ageSeconds
  utimesSync(join(root, path), time, time)
}

/** Stands in for npm: installs nothing but says it did, or fails. */
function writeNpm(root: string, body: string): NodeJS.ProcessEnv {
  writeFileSync(join(root, 'npm.js'), body)
  return { ...process.env, npm_execpath: join(root, 'npm.js') }
}

describe('what is installed is compared with what the lock file asks for', () => {
  const installed = 'node_modules/.package-lock.json'
  const cases: { name: string; have?: Packages; age?: number; want: Packages; stale: boolean }[] = [
    { name: 'nothing installed', want: {}, stale: true },
    { name: 'installed later than the lock file', have: {}, age: -5, want: { pg: { version: '2' } }, stale: false },
    {
      name: 'older, but the same',
      have: { pg: { version: '1' } },
      age: 5,
      want: { pg: { version: '1' } },
      stale: false,
    },
    {
      name: 'older, other version',
      have: { pg: { version: '1' } },
      age: 5,
      want: { pg: { version: '2' } },
      stale: true,
    },
    { name: 'older, one more', have: {}, age: 5, want: { pg: { version: '1' } }, stale: true },
    { name: "another platform's", have: {}, age: 5, want: { win: { version: '1', optional: true } }, stale: false },
    { name: 'no tools wanted', have: {}, age: 5, want: { knip: { version: '1', dev: true } }, stale: false },
  ]
  for (const { name, have, age = 0, want, stale } of cases)
    test(name, () => {
      const root = checkout()
      writeLock(root, 'package-lock.json', want)
      if (have) writeLock(root, installed, have, age)
      assert.equal(needsInstall(root), stale)
    })
})

test('a package below a workspace is looked for, when times say to look', () => {
  const root = checkout()
  const packages = {
    'server/node_modules/pg': { version: '1' },
    'server/node_modules/win': { version: '1', optional: true },
  }
  const write = (path: string, ageSeconds: number): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), JSON.stringify({ packages }))
    const time = Date.now() / 1000 - ageSeconds
    utimesSync(join(root, path), time, time)
  }
  write('package-lock.json', 5)
  write('node_modules/.package-lock.json', 0)
  assert.ok(!needsInstall(root), 'nothing is looked for while the lock file is older')
  write('package-lock.json', -5)
  assert.ok(needsInstall(root), 'its folder is not there')
  mkdirSync(join(root, 'server/node_modules/pg'), { recursive: true })
  assert.ok(!needsInstall(root), 'it is there; one for another platform need not be')
})

test('a first run installs with one line of progress, then passes arguments and exit code on', () => {
  const root = checkout()
  const environment = writeNpm(
    root,
    `import { mkdirSync, writeFileSync } from 'node:fs'
     mkdirSync('node_modules')
     writeFileSync('node_modules/.package-lock.json', '{}')
     console.log('much said by npm', process.argv[2])`,
  )
  writeFileSync(join(root, 'tools', 'say.ts'), 'console.log(JSON.stringify(process.argv.slice(2)))\nprocess.exit(7)\n')
  const run = (): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [join(root, 'tools', 'run.mjs'), 'tools/say.ts', 'a b', '--c'], {
      env: environment,
      encoding: 'utf8',
      cwd: tmpdir(),
    })
  const first = run()
  assert.equal(first.stdout, '["a b","--c"]\n')
  assert.equal(first.status, 7)
  assert.match(first.stderr, /^Installing [^\n]*\n$/)
  assert.equal(run().stderr, '')
})

test('a failed installation says why in one line and passes the exit code on', () => {
  const root = checkout()
  const environment = writeNpm(
    root,
    "console.error('npm error code ENOSPC\\nnpm error no space left on device\\nnpm error A complete log of this run can be found in: x')\nprocess.exit(228)\n",
  )
  writeFileSync(join(root, 'tools', 'say.ts'), '')
  const run = spawnSync(process.execPath, [join(root, 'tools', 'run.mjs'), 'tools/say.ts'], {
    env: environment,
    encoding: 'utf8',
  })
  assert.equal(run.status, 228)
  assert.equal(run.stderr.split('\n')[1], 'salus: npm ci failed (exit 228): code ENOSPC; no space left on device')
  assert.ok(!existsSync(join(root, 'node_modules')))
})

test('only the absence of other platforms is forgiven in a lock file', () => {
  const other = 'npm error Missing: @biomejs/cli-win32-x64@ from lock file\n'
  assert.ok(lacksOtherPlatformsOnly(other))
  assert.ok(!lacksOtherPlatformsOnly(`${other}npm error Missing: pg@8.23.1 from lock file\n`))
  assert.ok(!lacksOtherPlatformsOnly(`${other}npm error Invalid: lock file's pg@8.0.0 does not satisfy pg@8.23.1\n`))
  assert.ok(!lacksOtherPlatformsOnly('npm error code ENOSPC\n'))
})

test('the reason npm gives is never empty', () => {
  assert.match(npmReason(''), /npm ci/)
})

test('a missing program is one line', () => {
  const run = spawnSync(process.execPath, [join(HERE, 'run.mjs'), 'tools/none.ts'], { encoding: 'utf8' })
  assert.equal(run.status, 127)
  assert.equal(run.stderr, 'salus: tools/none.ts does not exist in this checkout.\n')
})

test('a program whose launcher is killed ends with it', async () => {
  const preload = pathToFileURL(join(HERE, 'end-with-parent.mjs')).href
  const child = spawn(process.execPath, ['--import', preload, '-e', 'console.log("up"); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { ...process.env, LAUNCHER_PIPE: '3' },
  })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  assert.equal(child.exitCode, null)
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  child.stdio[3]?.destroy()
  assert.equal(await ended, 'SIGKILL')
})

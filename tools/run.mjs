#!/usr/bin/env node
// node tools/run.mjs <file.ts> [arguments]: run one of the repository's programs, installing what is missing first.
import { launch } from './launch.mjs'

const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write('usage: node tools/run.mjs <file.ts> [arguments]\n')
  process.exit(2)
}
await launch(file, args)

#!/usr/bin/env node
// The `salus` command: npx salus, npm run salus --, npm start.
import { launch } from './launch.mjs'

await launch('apps/cli/src/main.ts', process.argv.slice(2))

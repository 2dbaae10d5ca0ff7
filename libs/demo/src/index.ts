export { DEMO_IDENTIFIERS, SYNTHETIC_TAG } from './coding.ts'
export { type DemoOptions, demoBundle } from './demo-bundle.ts'
export type { DemoBundle, DemoEntry, DemoResource } from './entry.ts'

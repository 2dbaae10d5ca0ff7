import type { Json } from './definition-source.ts'
import type { Walk } from './walk.ts'
export function checkBundle(_walk: Walk, _bundle: Json): void {}

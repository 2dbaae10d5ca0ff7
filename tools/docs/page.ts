/** A reference page: title, what it is generated from, and its body. */
export function page(title: string, source: string, body: string[]): string {
  return `${[`# ${title}`, '', `Generated from ${source} by \`npm run docs\`. Do not edit.`, '', ...body].join('\n').trimEnd()}\n`
}

/** A Markdown table; cells may hold any text. */
export function table(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)]
}

function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
}

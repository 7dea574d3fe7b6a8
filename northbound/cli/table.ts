/** Objects as a plain table: columns as wide as their widest cell, two spaces between, nothing to strip for scripts. */

export function formatTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((name, index) => Math.max(name.length, ...rows.map(row => (row[index] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [columns.map(name => name.toUpperCase()), ...rows].map(line).join('\n');
}

/** One value as a cell: lists joined by commas, nothing for null. */
export function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(each => cellOf(each)).join(',');
  if (typeof value === 'object') {
    const { ip } = value as { ip?: unknown };
    return typeof ip === 'string' ? ip : JSON.stringify(value);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * The one place where names change their letter case: TypeScript is camelCase, JSON and SQL are snake_case.
 */

/** `logicalSwitchId` to `logical_switch_id`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}

/** `logical_switch_id` to `logicalSwitchId`. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

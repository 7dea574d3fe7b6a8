/**
 * The one place where names change their letter case: TypeScript is camelCase, JSON and SQL are snake_case.
 */

/** `logicalSwitchId` to `logical_switch_id`. */
export function snakeCase(name: string): string {
  let snake = snakeNames.get(name);
  if (snake === undefined) {
    snake = name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
    snakeNames.set(name, snake);
  }
  return snake;
}

/** Names are those of declared fields, so there are few; they are converted for every row. */
const snakeNames = new Map<string, string>();

/** `logical_switch_id` to `logicalSwitchId`. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

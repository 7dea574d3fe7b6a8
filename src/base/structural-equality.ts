/**
 * Equality of plain readonly data: primitives by value, arrays by element, dates and byte arrays by content,
 * objects by their own enumerable members. Shared substructure is compared by identity first, so comparing two
 * values that were built from the same parts costs little. Cycles are not data and are not expected.
 */
export function structurallyEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && equalArrays(left, right);
  if (Array.isArray(right)) return false;
  if (left instanceof Date || right instanceof Date) {
    return left instanceof Date && right instanceof Date && left.getTime() === right.getTime();
  }
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    return left instanceof Uint8Array && right instanceof Uint8Array && equalBytes(left, right);
  }
  return equalMembers(left as Record<string, unknown>, right as Record<string, unknown>);
}

function equalArrays(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) {
    if (!structurallyEqual(left[index], right[index])) return false;
  }
  return true;
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}

function equalMembers(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  let count = 0;
  for (const name in left) {
    const other = right[name];
    if (!structurallyEqual(left[name], other)) return false;
    if (other === undefined && !Object.hasOwn(right, name)) return false;
    count += 1;
  }
  for (const _ in right) count -= 1;
  return count === 0;
}

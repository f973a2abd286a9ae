/*
 * Reads of what must be there. A value that is missing is our own fault, so these throw a plain Error,
 * never a diagnostic; nothing goes on with an invented one.
 */

/** The value of a key that must be in the map. Throws with the key. */
export function need<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  if (value === undefined) throw new Error(`nothing under ${describe(key)}`);
  return value;
}

/** The element at an index that must exist; -1 is the last. Throws with index and length. */
export function at<Element>(elements: ArrayLike<Element>, index: number): Element {
  const element = elements[index < 0 ? elements.length + index : index];
  if (element === undefined) throw new Error(`nothing at ${index} of ${elements.length}`);
  return element;
}

/** A value that must be present. Throws with what it is. */
export function present<Value>(value: Value | null | undefined, what: string): Value {
  if (value === null || value === undefined) throw new Error(`no ${what}`);
  return value;
}

/**
 * The element at an index that the loop around it keeps within bounds, unchecked: for hot loops alone.
 * One function per kind of array, so that each stays as fast as a plain read.
 */
export function hot<Element>(elements: readonly Element[], index: number): Element {
  return elements[index] as Element;
}

/** Like `hot`, of a Float64Array. */
export function hotFloat(elements: Float64Array, index: number): number {
  return elements[index] as number;
}

/** Like `hot`, of bytes. */
export function hotByte(elements: Uint8Array, index: number): number {
  return elements[index] as number;
}

/** Like `hot`, of an Int32Array. */
export function hotInt(elements: Int32Array, index: number): number {
  return elements[index] as number;
}

/** The value of an optional field, or what its format says that an absent one means. */
export function byDefault<Value>(value: Value | null | undefined, absent: Value): Value {
  return value === null || value === undefined ? absent : value;
}

/** Adds to the count or sum under a key; what is not there yet is 0. */
export function addTo<Key>(sums: Map<Key, number>, key: Key, by: number): void {
  sums.set(key, sumOf(sums, key) + by);
}

/** The count or sum under a key; what was never added to is 0. */
export function sumOf<Key>(sums: ReadonlyMap<Key, number>, key: Key): number {
  const sum = sums.get(key);
  return sum === undefined ? 0 : sum;
}

function describe(key: unknown): string {
  return typeof key === "object" && key !== null ? "an object" : JSON.stringify(String(key));
}

/**
 * Lists of numbers, one after the other.
 * @param make room for so many
 */
export function concatenated<Numbers extends Float64Array | Int32Array>(
  lists: readonly Numbers[],
  make: new (count: number) => Numbers,
): Numbers {
  const all = new make(lists.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const list of lists) {
    all.set(list, place);
    place += list.length;
  }
  return all;
}

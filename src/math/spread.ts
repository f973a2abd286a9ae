/** At most `count` of a list, evenly spread: the first and, of two or more, the last among them. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  const step = (list.length - 1) / Math.max(1, count - 1);
  const kept = new Set(Array.from({ length: count }, (_, k) => Math.round(k * step)));
  return list.filter((_, index) => kept.has(index));
}

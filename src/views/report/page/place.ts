/** What the page shows, as its address remembers it: `#point=12&partition=forward.0b8b560bc2cc`. */
interface Place {
  readonly point: number | undefined;
  readonly partition: string | undefined;
}

/** What the address asks for. */
export function readHash(): Place {
  const asked = new URLSearchParams(location.hash.slice(1));
  const point = asked.get("point");
  return {
    point: point === null ? undefined : Number(point),
    partition: asked.get("partition") ?? undefined,
  };
}

/** Remembers it without a step in the history. */
export function writeHash({ point, partition }: Place): void {
  const asked = new URLSearchParams();
  if (point !== undefined) asked.set("point", String(point));
  if (partition !== undefined) asked.set("partition", partition);
  history.replaceState(null, "", `#${asked}`);
}

/** Values by names that a graph may have or not; which of them it has shows as they are taken. */
export class Told<Value> {
  readonly #values: ReadonlyMap<string, Value>;
  readonly #taken = new Set<string>();

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  /** The value of a name; undefined: nothing was told of it. */
  take(name: string): Value | undefined {
    const value = this.#values.get(name);
    if (value !== undefined) this.#taken.add(name);
    return value;
  }

  /** Whether this name was taken before. */
  isTaken(name: string): boolean {
    return this.#taken.has(name);
  }

  /** What the graph has. */
  taken(): ReadonlyMap<string, Value> {
    return new Map([...this.#values].filter(([name]) => this.#taken.has(name)));
  }

  /** Names that nothing in the graph has. */
  left(): readonly string[] {
    return [...this.#values.keys()].filter((name) => !this.#taken.has(name));
  }
}

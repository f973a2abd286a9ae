/** What the thread of a command is told. */
export interface ThreadData {
  readonly words: readonly string[];
  readonly stdout: StreamFacts;
  readonly stderr: StreamFacts;
}

export interface StreamFacts {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
}

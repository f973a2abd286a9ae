import { createInterface } from "node:readline/promises";

/** What an axis of that name usually is in training; null: no name that says. */
function usualSize(symbol: string): number | null {
  const name = symbol.toLowerCase();
  if (/batch|^b$|^n$|^bs$|\.0$/.test(name)) return 8;
  if (/past|cache/.test(name)) return 0;
  if (/seq|len|token|^s$|^t$|time|\.1$/.test(name)) return 4096;
  return null;
}

/** Asks a person, or takes what is proposed where nobody is there to answer. */
export interface Asker {
  readonly ask: (question: string, proposed: string) => Promise<string>;
  readonly close: () => void;
}

/** Asks on the terminal; an empty answer takes what is proposed. */
export function terminalAsker(): Asker {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return {
    ask: async (question, proposed) => {
      const answer = await terminal.question(`${question} [${proposed}]: `);
      return answer.trim() === "" ? proposed : answer.trim();
    },
    close: () => terminal.close(),
  };
}

/** Takes every proposal. */
export const SILENT: Asker = { ask: async (_, proposed) => proposed, close: () => {} };

/**
 * Sizes for symbols that have none: as usual for their name, where someone answers as they say.
 * `unknown` lists those that nobody can tell.
 */
export async function sizesOf(
  symbols: readonly string[],
  { ask }: Asker,
): Promise<{ readonly sizes: ReadonlyMap<string, string>; readonly unknown: readonly string[] }> {
  const sizes = new Map<string, string>();
  const unknown: string[] = [];
  for (const symbol of symbols) {
    const usual = usualSize(symbol);
    const answer = await ask(`Size of ${symbol}`, usual === null ? "?" : String(usual));
    if (answer === "?") unknown.push(symbol);
    else sizes.set(symbol, answer);
  }
  return { sizes, unknown };
}

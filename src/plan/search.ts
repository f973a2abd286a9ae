import { z } from "zod";
import { type Format, readFormat, writeFormat } from "./format.js";
import { count } from "./shared.js";

const search = z.object({
  format: z.literal("kareus-search"),
  version: z.literal(1),
  /** Rows of the table, counted from 0 without its header, in the order of evaluation. */
  evaluated: z.array(count),
  /**
   * Rows on the frontier of time and total energy, fastest first. Repeated measurements of a
   * configuration count by their mean, and the first evaluated row stands for all.
   */
  frontier: z.array(count),
  /** Why the search ended: nothing left to spend, to gain or to evaluate. */
  stop: z.enum(["budget", "converged", "exhausted"]),
});

/** What searching a recorded table found. */
export type SearchFile = z.infer<typeof search>;

/** The format of a search. */
export const SEARCH_FORMAT: Format<SearchFile> = {
  name: "kareus-search",
  version: 1,
  schema: search,
};

/** Reads a search; throws DiagnosticError (KRS410x) naming file and place. */
export function readSearch(text: string, where: string): SearchFile {
  return readFormat(SEARCH_FORMAT, text, where);
}

/** The canonical bytes of a search. */
export function writeSearch(file: SearchFile): string {
  return writeFormat(SEARCH_FORMAT, file);
}

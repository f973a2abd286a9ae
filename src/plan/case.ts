import { z } from "zod";
import { type Format, readFormat } from "./format.js";

const testCase = z.object({
  format: z.literal("kareus-case"),
  version: z.literal(1),
  /** What the case is for, and where its profile comes from. */
  note: z.string().optional(),
  /** What `kareus optimize` is given, graph first; paths lie in the case's folder. */
  arguments: z.array(z.string()).min(1),
});

/** case.json: a run whose frontier is expected to stay as good as `expected/frontier.json`. */
type CaseFile = z.infer<typeof testCase>;

/** The format of case.json. */
export const CASE_FORMAT: Format<CaseFile> = { name: "kareus-case", version: 1, schema: testCase };

/** Reads case.json; throws DiagnosticError (KRS410x) naming file and place. */
export function readCase(text: string, where: string): CaseFile {
  return readFormat(CASE_FORMAT, text, where);
}

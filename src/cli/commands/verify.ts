import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { regressed } from "../../base/diagnostics/review.js";
import { writeText } from "../../base/files.js";
import { packageVersion } from "../../base/package.js";
import type { CaseResult, VerificationFile } from "../../plan/verification.js";
import { toggle } from "../flags/flag.js";
import { quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { text } from "../flags/texts.js";
import { SEARCH_FLAGS } from "../options.js";
import { say, Terminal } from "../terminal.js";

const DEFAULT_TOLERANCE_PERCENT = 0.1;

const FLAGS = {
  tolerance: quantity(
    "--tolerance <percent>",
    "how much worse still passes",
    "percent",
    DEFAULT_TOLERANCE_PERCENT,
  ),
  update: toggle("--update", "make what is found the new expectation"),
  threads: SEARCH_FLAGS.search.threads,
  junit: text("--junit <file>", "also write the result as JUnit XML, for CI services", null),
  json: toggle("--json", "the result as JSON on stdout, diagnostics as JSON lines on stderr"),
} as const;

const EXAMPLES = `
A case is a folder with case.json ({"format":"kareus-case","version":1,"arguments":[...]}: what
\`optimize\` is given, paths within the folder), the graph and the profiles that it names, and
expected/frontier.json. A folder without case.json stands for all cases below it.

Compared are the hypervolume (reference point: the expected nadir plus 10% of its range), the energy
at the expected fastest time and the time at the expected lowest energy. Worse by more than the
tolerance is exit 1, a case that cannot run is exit 2; better is reported.

Examples:
  $ kareus verify test/golden/cases
  $ kareus verify cases/llama cases/qwen --tolerance 0.5 --junit verify.xml
  $ kareus verify cases/llama --update`;

/** `kareus verify`: whether recorded cases still come out as well as they did. */
export function addVerify(program: Command): void {
  const command = program
    .command("verify")
    .summary("check that frontiers of recorded cases did not get worse")
    .description("Run cases again and compare their frontiers with those expected: a gate for CI.")
    .argument("<dir...>", "cases, or folders of cases")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((folders: readonly string[]) => run(folders, readFlags(command, FLAGS)));
}

async function run(folders: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  const [{ optimize }, { findCases }, { verifyCase }] = await Promise.all([
    import("../../pipeline.js"),
    import("../verify/cases.js"),
    import("../verify/verify-case.js"),
  ]);
  const tolerance_percent = flags.tolerance;
  const terminal = new Terminal(flags.json);
  const { report, progress, printIr } = terminal;
  const setting = {
    optimize,
    hooks: { report, progress, printIr },
    update: flags.update,
    threads: flags.threads ?? availableParallelism(),
    tolerance: tolerance_percent / 100,
    tool: `kareus ${packageVersion()}`,
  };
  const cases: CaseResult[] = [];
  for (const folder of await findCases(folders)) cases.push(await verifyCase(folder, setting));
  terminal.close();
  const passed = cases.every(({ status }) => status !== "worse" && status !== "broken");
  const found: VerificationFile = {
    format: "kareus-verification",
    version: 1,
    tolerance_percent,
    passed,
    cases,
  };
  await show(found, flags);
  if (!passed) await complain(found);
}

async function show(found: VerificationFile, flags: Values<typeof FLAGS>): Promise<void> {
  const [{ verificationJunit, verificationSummary }, { writeVerification }] = await Promise.all([
    import("../../views/verification.js"),
    import("../../plan/verification.js"),
  ]);
  if (flags.junit !== null) await writeText(flags.junit, verificationJunit(found));
  say(flags.json ? writeVerification(found) : verificationSummary(found));
}

/** Bad input weighs more than an honest no: with a broken case nothing is known. */
async function complain({ cases, tolerance_percent }: VerificationFile): Promise<never> {
  const { regressionInWords } = await import("../../views/verification.js");
  const severity = "error" as const;
  const broken = cases.filter(({ status }) => status === "broken");
  const diagnostics = [
    ...broken.flatMap(({ errors }) => errors.map((cause) => ({ severity, ...cause }))),
    ...cases
      .filter(({ status }) => status === "worse")
      .map((each) => regressed(each.case, regressionInWords(each, tolerance_percent / 100))),
  ];
  throw new DiagnosticError(diagnostics, broken.length > 0 ? 2 : 1);
}

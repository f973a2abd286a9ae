import { plural } from "../base/units.js";
import type { CaseResult, VerificationFile } from "../plan/verification.js";
import { measureInWords, quantityInWords } from "./comparison/words.js";
import { escapeMarkup } from "./markup.js";

const STATUS: Readonly<Record<CaseResult["status"], string>> = {
  same: "as expected",
  better: "better than expected",
  worse: "WORSE than expected",
  updated: "the expectation is written anew",
  broken: "BROKEN",
};

/** What `verify` says: a line per case, below it what moved and why, and a count. */
export function verificationSummary({ cases }: VerificationFile): string {
  const counts = Object.entries(STATUS).flatMap(([status, words]) => {
    const count = cases.filter((each) => each.status === status).length;
    return count === 0 ? [] : [`${count} ${words.toLowerCase()}`];
  });
  const lines = cases.flatMap((each) => [
    `${each.case}: ${STATUS[each.status]}`,
    ...detailsOf(each).map((line) => `  ${line}`),
  ]);
  return `${[...lines, `${plural(cases.length, "case")}: ${counts.join(", ")}`].join("\n")}\n`;
}

/** What moved and why; nothing of a case where nothing did. */
function detailsOf({ measures, moved, reasons, errors }: CaseResult): string[] {
  return [
    ...measures.filter(({ worse }) => worse !== 0).map(measureInWords),
    ...moved.map(quantityInWords),
    ...reasons.map(({ of, what }) => `${of}: ${what}`),
    ...errors.map(({ code, where, message }) => `${code} ${where}: ${message}`),
  ];
}

/** How a worse case is worse, in one phrase. */
export function regressionInWords({ measures, reasons }: CaseResult, tolerance: number): string {
  const moved = measures.filter(({ worse }) => worse === null || worse > tolerance);
  const [first] = reasons;
  const why = first === undefined ? "" : `; ${first.of}: ${first.what}`;
  return `${moved.map(measureInWords).join(", ")}${why}`;
}

/** The same as JUnit's XML, which CI services show case by case. */
export function verificationJunit({ cases }: VerificationFile): string {
  const count = (status: CaseResult["status"]) =>
    cases.filter((each) => each.status === status).length;
  const counts = `tests="${cases.length}" failures="${count("worse")}" errors="${count("broken")}"`;
  const lines = cases.map((each) => {
    const attributes = `classname="kareus.verify" name="${escaped(each.case)}"`;
    const text = escaped(detailsOf(each).join("\n"));
    const element = { worse: "failure", broken: "error" }[String(each.status)];
    const body =
      element === undefined
        ? `<system-out>${text}</system-out>`
        : `<${element} message="${escaped(STATUS[each.status])}">${text}</${element}>`;
    return `    <testcase ${attributes}>${body}</testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="kareus verify" ${counts}>
  <testsuite name="kareus verify" ${counts}>
${lines.join("\n")}
  </testsuite>
</testsuites>
`;
}

/** Text for XML; what XML cannot hold at all becomes a question mark. */
function escaped(text: string): string {
  const allowed = [...text].map((letter) =>
    letter < " " && !"\t\n\r".includes(letter) ? "?" : letter,
  );
  return escapeMarkup(allowed.join(""));
}

/**
 * Control characters but line ends and tabs, and those that turn the direction of text: what a name from a
 * file could do to a terminal, or to who reads it.
 */
const UNSEEN = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A text that is safe to show: what would not be seen is written out, `\u001b`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (unseen) => {
    const code = unseen.codePointAt(0)?.toString(16).padStart(4, "0");
    return `\\u${code}`;
  });
}

/** The same of a text that is one line. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

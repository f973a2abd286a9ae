/** A text as one word of a POSIX shell's command line: in quotes where the shell would read more into it. */
export function shellWord(text: string): string {
  return /^[\w./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

import pc from "picocolors";

/** Colours where the terminal has them; NO_COLOR (set and not empty) always turns them off. */
export function colours(stream: NodeJS.WriteStream) {
  const { NO_COLOR, TERM } = process.env;
  return pc.createColors(stream.isTTY === true && !NO_COLOR && TERM !== "dumb");
}

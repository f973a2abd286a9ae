import { remembered } from "../base/remembered.js";
import { type ChosenUse, type InstructionOption, unswitched } from "../ir/configuration.js";

/** What options are made of. */
export type UsesOf = (option: InstructionOption) => readonly ChosenUse[];

/** Each is spelled out once; one that starts at another clock is made of the same. */
export function usesOnce(): UsesOf {
  const known = new Map<InstructionOption, readonly ChosenUse[]>();
  return (option) => remembered(known, unswitched(option), (own) => own.use());
}

import { need } from "../../../base/need.js";

/** How fast thread blocks and links move a communication. */
interface Links {
  /** Seconds with one block, by its threads. */
  readonly block_s: ReadonlyMap<number, number>;
  /** Seconds at the rate of the links. */
  readonly link_s: number;
  /** How sharply the slower of the two decides. */
  readonly sharpness: number;
}

/** Seconds of communication with nothing beside it, once it moves. */
export function communicationAlone(
  { block_s, link_s, sharpness }: Links,
  { sms, threads }: { readonly sms: number; readonly threads: number },
): number {
  if (sms === 0) return link_s;
  const blocks_s = need(block_s, threads) / sms;
  return (blocks_s ** sharpness + link_s ** sharpness) ** (1 / sharpness);
}

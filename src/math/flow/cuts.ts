/**
 * The arcs outside a spanning tree of a graph, by how much the ends of each can come closer. Dart 2a
 * leads along arc a, 2a + 1 back.
 */
export interface Cuts {
  /**
   * Finds what else joins the two parts into which the tree falls without the arc of a dart, which leads
   * away from the root's part: of the darts that do so too the one whose ends can come closer by least.
   * -1: none has a limit.
   */
  readonly find: (leaving: number) => number;
  /** By how much those of the dart found can; Infinity where there is none. */
  readonly least: number;
  /** Brings the parts closer. */
  readonly close: (step: number) => void;
  /** Puts the arc found into the tree and the other out of it: by how much its ends can come closer, and apart. */
  readonly exchange: (closer: number, apart: number) => void;
}

/**
 * Finds the arcs that join the two parts into which a spanning tree falls when one of its arcs is
 * cut. Residual arc 2a leads along arc a, 2a + 1 back.
 */
export interface CutFinder {
  /** The arcs last found, the cut one not among them: the first so many as `find` returned. */
  readonly crossing: Int32Array;
  /**
   * Cuts the arc to a node, and finds what else leads away from the root's part: 2a where arc a does,
   * 2a + 1 where it leads back. Returns how many.
   */
  readonly find: (node: number, arcToIt: number) => number;
  /** Joins the parts by the k-th crossing arc in place of the cut one. */
  readonly join: (k: number) => void;
}

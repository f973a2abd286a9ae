import { at, hotInt } from "../../base/need.js";
import { dartsOf, type Faces } from "./activity-graph.js";

/**
 * The faces of a connected graph that is drawn in the plane. Dart 2a leads along arc a, 2a + 1 back.
 * A face is a round of darts: after a dart comes the one that follows its reverse around the node it
 * leads to. Null where Euler's formula says that the drawing is not one in the plane.
 * @param rotations the darts that leave each node, clockwise
 */
export function facesOf(rotations: readonly (readonly number[])[]): Faces | null {
  const darts = rotations.reduce((sum, { length }) => sum + length, 0);
  const next = new Int32Array(darts);
  for (const around of rotations) {
    for (const [k, dart] of around.entries()) next[dart] = at(around, (k + 1) % around.length);
  }
  const face = new Int32Array(darts).fill(-1);
  let count = 0;
  for (let first = 0; first < darts; first++) {
    if (face[first] !== -1) continue;
    for (let dart = first; face[dart] === -1; dart = hotInt(next, dart ^ 1)) face[dart] = count;
    count++;
  }
  if (rotations.length - darts / 2 + count !== 2) return null;
  const side = (of: 0 | 1) =>
    Int32Array.from({ length: darts / 2 }, (_, a) => at(face, 2 * a + of));
  const [left, right] = [side(0), side(1)];
  return { count, left, right, darts: dartsOf(count, right, left) };
}

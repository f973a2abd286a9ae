import { at } from "../../src/base/need.js";

/**
 * The stage of each layer when contiguous layers are split over `stages` so that the largest stage
 * time is least; `first` is added to the first stage, `last` to the last. Every stage gets at least
 * one layer. Among equal optima earlier stages take more. Returns [0] when there are no layers.
 * Dynamic programming over (stage, layers placed); starts that leave the stage alone too long are not
 * tried.
 */
export function balanceStages(
  layers: readonly number[],
  first: number,
  last: number,
  stages: number,
): number[] {
  const count = layers.length;
  if (count === 0) return [0];
  const prefix = [0];
  for (const time of layers) prefix.push(at(prefix, -1) + time);
  const span = (from: number, to: number) => at(prefix, to) - at(prefix, from);

  // best[s][n]: least largest time of stages 0..s holding layers 0..n-1; cut[s][n]: where s starts.
  const best = Array.from({ length: stages }, () => new Array<number>(count + 1).fill(Infinity));
  const cut = Array.from({ length: stages }, () => new Array<number>(count + 1).fill(0));
  for (let stage = 0; stage < stages; stage++) {
    const extra = (stage === 0 ? first : 0) + (stage === stages - 1 ? last : 0);
    for (let end = stage + 1; end <= count; end++) {
      // On a tie the later start wins, so earlier stages hold more.
      for (let start = stage === 0 ? 0 : end - 1; start >= stage; start--) {
        const own = extra + span(start, end);
        if (own > at(at(best, stage), end)) break;
        const time = Math.max(stage === 0 ? 0 : at(at(best, stage - 1), start), own);
        if (time >= at(at(best, stage), end)) continue;
        at(best, stage)[end] = time;
        at(cut, stage)[end] = start;
      }
    }
  }
  const stageOf = new Array<number>(count).fill(0);
  let end = count;
  for (let stage = stages - 1; stage >= 0; stage--) {
    const start = at(at(cut, stage), end);
    stageOf.fill(stage, start, end);
    end = start;
  }
  return stageOf;
}

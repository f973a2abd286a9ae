import type { Diagnostic } from "../../base/diagnostics/diagnostic.js";
import { notReady } from "../../base/diagnostics/runtime.js";
import { otherHands } from "./hands.js";
import type { Capabilities, Gpu } from "./machine.js";
import { overlapTrouble } from "./overlap.js";

/** What keeps `kareus run` from following a plan's clocks, and what else is worth knowing. */
interface Trouble {
  readonly blocking: readonly Diagnostic[];
  readonly others: readonly Diagnostic[];
}

/** The parts of the runtime that are built from source. */
export type Built = Readonly<Record<"libkareus" | "kareus-guard" | "kareus-recorder", boolean>>;

/** What stands in a run's way on this machine; `runtime` is null where Python does not run the package. */
export function troubleOf(built: Built, runtime: Capabilities | null): Trouble {
  const missing = (["libkareus", "kareus-guard"] as const).filter((part) => !built[part]);
  const unbuilt = missing.map((part) =>
    notReady(part, "not built: `kareus run` needs it", "`kareus setup-runtime` builds it"),
  );
  if (runtime === null) {
    const hint = "Python 3.9 or newer is needed as python3";
    const silent = notReady("python3", "the package kareus_runtime does not run", hint);
    return { blocking: [...unbuilt, silent], others: [] };
  }
  const hint = "plans can be made here, and followed elsewhere";
  const { problem, gpus } = runtime;
  const driver = problem !== null && built.libkareus ? [notReady("GPU", problem, hint)] : [];
  return {
    blocking: [...unbuilt, ...driver, ...gpus.flatMap(unlockable)],
    others: [...gpus.flatMap(unmetered), ...overlapTrouble(runtime.communicators), ...otherHands()],
  };
}

/** Why the clocks of a GPU cannot be set. */
function unlockable({ uuid, mig, may_lock_clocks }: Gpu): Diagnostic[] {
  if (mig) return [notReady(uuid, "MIG is on: its parts share one clock", "turn MIG off")];
  if (may_lock_clocks) return [];
  const hint = "run as root, or use zeusd (`kareus run --backend zeusd`)";
  return [notReady(uuid, "this user may not lock its clocks", hint)];
}

function unmetered({ uuid, energy_counter }: Gpu): Diagnostic[] {
  if (energy_counter) return [];
  return [notReady(uuid, "it has no energy counter", "time is recorded, energy is not")];
}

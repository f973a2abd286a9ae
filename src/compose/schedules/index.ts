import type { PipelineName } from "../../ir/choices.js";
import { dualPipeV } from "./dualpipe-v.js";
import { gpipe } from "./gpipe.js";
import { interleavedOneForwardOneBackward } from "./interleaved-1f1b.js";
import { oneForwardOneBackward } from "./one-forward-one-backward.js";
import type { PipelineSchedule } from "./schedule.js";
import { zeroBubbleV } from "./zb-v.js";
import { zeroBubble2p, zeroBubbleH1 } from "./zero-bubble.js";

/** Every schedule, by the name that flags and files use. */
export const schedules: Readonly<Record<PipelineName, PipelineSchedule>> = {
  "1f1b": oneForwardOneBackward,
  gpipe,
  "interleaved-1f1b": interleavedOneForwardOneBackward,
  "zb-h1": zeroBubbleH1,
  "zb-2p": zeroBubble2p,
  "zb-v": zeroBubbleV,
  "dualpipe-v": dualPipeV,
};

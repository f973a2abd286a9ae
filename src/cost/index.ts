/*
 * The one door to costs: "what does this partition take, in time and energy, when it runs this way?".
 * Nothing outside this folder imports past it; `physics/` says what a device's constants answer,
 * `evidence/` what measurements say beyond them.
 */
export { inContext } from "./evidence/in-context.js";
export { correctedByInstructions } from "./evidence/instructions.js";
export { type LearnedError, learnedError } from "./evidence/learned-error.js";
export { ranAtUntoldClock, unfitness } from "./evidence/residuals.js";
export { profileCounts } from "./evidence/use.js";
export { modelledOracle } from "./modelled.js";
export type { CostOracle, TracingOracle } from "./oracle.js";
export { partsInProportion, type TimeParts } from "./physics/time-parts.js";
export type { OverlapTrace } from "./physics/trace.js";
export { costsOn } from "./rescaled.js";
export { kernelTimes, topClockCost } from "./top-clock.js";

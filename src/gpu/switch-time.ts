import { at } from "../base/need.js";
import type { Device } from "./device-schema.js";

/**
 * Seconds that a change of the clock takes at most, from the call until the clock is there: plans hold
 * one time for all changes, and with the longest none promises a clock that is not there yet.
 */
export function longestSwitch(switch_time_s: Device["switch_time_s"]): number {
  if (typeof switch_time_s === "number") return switch_time_s;
  const { call_s, transition_s } = switch_time_s;
  return Math.max(...call_s.map((call, i) => call + at(transition_s, i)));
}

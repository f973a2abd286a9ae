import { readText } from "../base/files.js";
import { readTrace } from "../fleet/read-trace.js";
import type { Trace } from "../fleet/trace.js";
import type { TraceChoice } from "../fleet/traces/format.js";
import type { Values } from "./flags/table.js";
import { choice, text, texts } from "./flags/texts.js";

/** What the export of a grid leaves open. */
export const TRACE_FLAGS = {
  series: texts("--series <name>", "which series of the file: an area, a sequence, `15 min`"),
  emissions: choice(
    "--emissions <which>",
    "direct or life-cycle, where the file has both or neither",
    ["direct", "life-cycle"],
    null,
  ),
  values: choice(
    "--values <which>",
    "actual or forecast, where the file has both",
    ["actual", "forecast"],
    null,
  ),
  missing: choice(
    "--missing <how>",
    "what stands for missing values: hold (the one before) or forecast (the one beside it)",
    ["hold", "forecast"],
    null,
  ),
  zone: text("--zone <name>", "zone of local times: UTC, CET, CET/CEST, EET/EEST...", null),
  stamp: choice(
    "--stamp <where>",
    "whether a row's time starts or ends it (default: as its format has it)",
    ["start", "end"],
    null,
  ),
} as const;

/** Which files traces come in, for the help. */
export const TRACE_HELP = `
A trace is CSV with a column time (ISO 8601 with its zone, or seconds) and one or more of
carbon_g_per_kwh, price_per_kwh and power_w (a cap); a value holds until the next row, the last for as
long as the row before it. Or an export: Electricity Maps, carbonintensity.org.uk, EIA-930 (balance files),
ENTSO-E (day-ahead prices). What was settled to read one is said; what it leaves open is asked for.`;

/** Reads a trace as the flags say. Fails with KRS4401 and KRS4405 to KRS4407. */
export async function traceAt(
  path: string,
  flags: Values<typeof TRACE_FLAGS>,
  values: TraceChoice["values"] = flags.values,
): Promise<Trace> {
  return readTrace(await readText(path), path, { ...flags, values });
}

/** From low to high clocks; lightness rises all along, so it is read without colours too (viridis). */
const RAMP = ["#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];

/** Above it a patch is so light that its text is dark. */
const DARK_INK_FROM = 0.4;

/** Where a clock lies between the lowest and the highest. */
function place(freq_mhz: number, clocks_mhz: readonly number[]): number {
  const [low = 0, high = 0] = [clocks_mhz[0], clocks_mhz.at(-1)];
  return high === low ? 1 : (freq_mhz - low) / (high - low);
}

/** Between the two nearest colours of the ramp, as #rrggbb. */
function mixed(at: number): string {
  const step = Math.min(RAMP.length - 2, Math.floor(at * (RAMP.length - 1)));
  const share = at * (RAMP.length - 1) - step;
  const channel = (colour: string, i: number) => Number.parseInt(colour.slice(i, i + 2), 16);
  const [from = "", to = ""] = [RAMP[step], RAMP[step + 1]];
  const mix = (i: number) => Math.round(channel(from, i) * (1 - share) + channel(to, i) * share);
  return `#${[1, 3, 5].map((i) => mix(i).toString(16).padStart(2, "0")).join("")}`;
}

/** The colour of a clock among those of the page, and that of text on it. */
export function clockColour(freq_mhz: number, clocks_mhz: readonly number[]) {
  const at = place(freq_mhz, clocks_mhz);
  return { fill: mixed(at), ink: at < DARK_INK_FROM ? "#ffffff" : "#16191d" };
}

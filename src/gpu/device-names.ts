/** What does not tell GPUs apart. */
const FILLERS = new Set(["nvidia", "tesla", "gpu"]);

/** `NVIDIA A100-SXM4-40GB` is a100, sxm4 and 40gb. */
function partsOf(name: string): string[] {
  const parts = name.toLowerCase().split(/[^a-z0-9]+/);
  return parts.filter((part) => part !== "" && !FILLERS.has(part));
}

/** `sxm5` is `sxm` where a device does not tell them apart; `a400` is not `a40`. */
function same(asked: string, known: string): boolean {
  return asked === known || (/^[a-z]+$/.test(known) && asked.startsWith(known));
}

/**
 * The known devices that a name may mean, however it is spelled (`h100`, `H100-SXM`, as nvidia-smi
 * writes it): those that have all of its parts. The likeliest first: an SXM board before a PCIe one.
 */
export function devicesNamed(name: string, known: readonly string[]): readonly string[] {
  if (known.includes(name)) return [name];
  const asked = partsOf(name);
  if (asked.length === 0) return [];
  const found = known.filter((device) => {
    const parts = partsOf(device);
    return asked.every((part) => parts.some((own) => same(part, own)));
  });
  const boards = (device: string) => (device.includes("pcie") ? 1 : 0);
  return found.toSorted((a, b) => boards(a) - boards(b));
}

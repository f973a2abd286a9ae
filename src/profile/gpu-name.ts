/** Model, form and memory of a GPU as far as a name tells them: of a driver, or of a device file. */
function partsOf(name: string): readonly (string | undefined)[] {
  const text = name.toLowerCase();
  return [
    /(?:^|[^a-z0-9])([a-z]{1,3}\d{2,4}[a-z]{0,2})(?![a-z0-9])/.exec(text)?.[1],
    /sxm|pcie|nvl/.exec(text)?.[0],
    /(\d+)\s?gb/.exec(text)?.[1],
  ];
}

/** The same of a driver's name: one that has a number but no model that is known here is a model itself. */
function partsOfDriver(name: string): readonly (string | undefined)[] {
  const [model, ...others] = partsOf(name);
  return [model ?? (/\d/.test(name) ? name : undefined), ...others];
}

/**
 * Whether a driver's name (`NVIDIA H100 PCIe`, `AMD Instinct MI300X`) and a device's
 * (`a100-sxm4-40gb`) are surely of different GPUs: both tell a model, a form (SXM, PCIe, NVL) or a
 * memory, and not the same one.
 */
export function namesOtherGpu(driver: string, device: string): boolean {
  const [told, wanted] = [partsOfDriver(driver), partsOf(device)];
  const [model, form] = wanted;
  // Of `NVIDIA H200` and `NVIDIA H200 NVL` the second always tells its form, as a device file's name would.
  if (told[1] === "nvl" && model !== undefined && form === undefined) return true;
  return told.some((part, i) => {
    const own = wanted[i];
    return part !== undefined && own !== undefined && part !== own;
  });
}

/** A GPU by what tells it apart; what a trace does not say is null. */
export interface Board {
  readonly name: string;
  readonly sm_count: number | null;
  readonly memory_bytes: number | null;
}

/** A driver keeps some of the memory, and vendors count it in two units. */
const MEMORY_SPREAD = 0.2;

/** Whether a board that a driver describes is surely another than a device: by name, SMs or memory. */
export function isOtherGpu(board: Board, device: Board): boolean {
  const { sm_count, memory_bytes } = board;
  const other = (own: number | null, wanted: number | null, spread: number) =>
    own !== null && wanted !== null && Math.abs(own / wanted - 1) > spread;
  return (
    namesOtherGpu(board.name, device.name) ||
    other(sm_count, device.sm_count, 0) ||
    other(memory_bytes, device.memory_bytes, MEMORY_SPREAD)
  );
}

/** Whether it may be taken for that device unasked: the same model, in the form that it tells. */
export function isLikelyGpu(board: Board, device: Board): boolean {
  const [model, form] = partsOf(board.name);
  const [own_model, own_form] = partsOf(device.name);
  const told = model !== undefined && model === own_model;
  return told && (form === undefined || form === own_form) && !isOtherGpu(board, device);
}

/** Model, form and memory of a GPU as far as a name tells them: of a driver, or of a device file. */
function partsOf(name: string): readonly (string | undefined)[] {
  const text = name.toLowerCase();
  return [
    /(?:^|[^a-z0-9])([a-z]{1,3}\d{2,4}[a-z]{0,2})(?![a-z0-9])/.exec(text)?.[1],
    /sxm|pcie|nvl/.exec(text)?.[0],
    /(\d+)\s?gb/.exec(text)?.[1],
  ];
}

/**
 * Whether a driver's name (`NVIDIA H100 PCIe`, `AMD Instinct MI300X`) and a device's
 * (`a100-sxm4-40gb`) are surely of different GPUs: both tell a model, a form (SXM, PCIe, NVL) or a
 * memory, and not the same one.
 */
export function namesOtherGpu(driver: string, device: string): boolean {
  const wanted = partsOf(device);
  return partsOf(driver).some((part, i) => {
    const own = wanted[i];
    return part !== undefined && own !== undefined && part !== own;
  });
}

/**
 * Whether a driver's name (`NVIDIA H100 80GB HBM3`) and a device's (`a100-sxm4-40gb`) are surely of
 * different GPUs: both name a model, and not the same one.
 */
export function namesOtherGpu(driver: string, device: string): boolean {
  const model = (name: string) => /\b[a-z]{1,2}\d{2,3}\b/i.exec(name)?.[0].toLowerCase();
  const [found, wanted] = [model(driver), model(device)];
  return found !== undefined && wanted !== undefined && found !== wanted;
}

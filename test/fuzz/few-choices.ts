import { readDevice } from "../../src/gpu/device.js";

/** The content of a device file of few choices, which is planned for in a moment. */
export function fewChoices(name: string) {
  const content = Object(readDevice(name).content);
  const named = [content.highest_clock_mhz.value, content.default_comm_sms.value];
  const few = (list: { readonly value: readonly number[] }) => ({
    ...list,
    value: list.value.filter((value, i) => i % 8 === 0 || named.includes(value)),
  });
  const [clocks, sms] = [few(content.searched_clocks_mhz), few(content.searched_comm_sms)];
  return { ...content, searched_clocks_mhz: clocks, searched_comm_sms: sms };
}

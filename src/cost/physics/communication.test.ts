import { describe, expect, test } from "vitest";
import { loadDevice } from "../../gpu/device.js";
import type { Device } from "../../gpu/device-schema.js";
import type { Communication } from "../../ir/partition.js";
import {
  communicationEnergy,
  communicationLatency,
  communicationTraffic,
  transferTime,
} from "./communication.js";

const device = loadDevice("a100-sxm4-40gb");
const collective = (kind: Communication["kind"], ranks = 8): Communication => ({
  kind,
  size_bytes: 201_326_592,
  ranks,
  ranks_per_node: ranks,
  group: "tp",
});

/** Bytes/s over the links, seen through a plain send. */
const linkRate = (on: Device, freq_mhz: number, sms: number) =>
  201_326_592 / transferTime(collective("send", 2), on, freq_mhz, sms);

describe("link rate", () => {
  test("24 channels reach the observed bus bandwidth", () => {
    expect(linkRate(device, 1410, 24) / 1e9).toBeCloseTo(214.7, 1);
  });

  test("between nodes is that of the ports of the ranks which share a node", () => {
    const [near, far] = [collective("all_reduce", 16), collective("all_reduce", 16)];
    const time_s = (ranks_per_node: number) =>
      transferTime({ ...far, ranks_per_node }, device, 1410, 100);
    expect(time_s(16)).toBe(transferTime(near, device, 1410, 100));
    const wire_bytes = (2 * 15 * near.size_bytes) / 16;
    expect(wire_bytes / time_s(1) / 1e9).toBeCloseTo(25, 0);
    expect(time_s(1) / time_s(2)).toBeCloseTo(2, 1);
  });

  test("the same curve fits the channels of 8 x H200 within 5%", () => {
    const h200 = {
      ...device,
      communication: { ...device.communication, cta_bytes_per_s: 37.5e9, link_bytes_per_s: 371e9 },
    };
    const measured = [
      [1, 37.5],
      [2, 74.1],
      [4, 133.5],
      [8, 234.2],
    ] as const;
    for (const [channels, gigabytes] of measured) {
      const error = linkRate(h200, 1410, channels) / 1e9 / gigabytes - 1;
      expect(Math.abs(error)).toBeLessThan(0.05);
    }
  });

  test("rises with SMs and with the clock, never above the links", () => {
    for (let sms = 1; sms < 30; sms++) {
      expect(linkRate(device, 1410, sms + 1)).toBeGreaterThan(linkRate(device, 1410, sms));
      expect(linkRate(device, 1200, sms)).toBeLessThan(linkRate(device, 1410, sms));
      expect(linkRate(device, 1410, sms)).toBeLessThan(240e9);
    }
    // Few channels scale as the clock to the power of 0.6; many are held by the links.
    const few = linkRate(device, 900, 1) / linkRate(device, 1410, 1);
    expect(few).toBeCloseTo((900 / 1410) ** 0.6, 2);
    expect(linkRate(device, 1410, 0)).toBeCloseTo(240e9, 0);
  });
});

describe("collectives", () => {
  const seconds = (kind: Communication["kind"], ranks = 8) =>
    transferTime(collective(kind, ranks), device, 1410, 24);

  test("ring volumes", () => {
    const whole = 201_326_592 / linkRate(device, 1410, 24);
    expect(seconds("all_reduce") / whole).toBeCloseTo(14 / 8, 12);
    expect(seconds("all_gather") / whole).toBeCloseTo(7 / 8, 12);
    expect(seconds("reduce_scatter") / whole).toBeCloseTo(7 / 8, 12);
    expect(seconds("all_to_all") / whole).toBeCloseTo(7 / 8, 12);
    expect(seconds("send", 2) / whole).toBeCloseTo(1, 12);
  });

  test("one rank costs nothing", () => {
    for (const kind of ["all_reduce", "all_gather", "all_to_all", "send"] as const) {
      expect(seconds(kind, 1)).toBe(0);
      expect(communicationLatency(collective(kind, 1), device)).toBe(0);
      expect(communicationEnergy(collective(kind, 1), device, 1410)).toBe(0);
      expect(communicationTraffic(collective(kind, 1), device)).toBe(0);
    }
  });

  test("latency grows around the ring; energy and memory traffic by byte sent", () => {
    expect(communicationLatency(collective("all_reduce"), device)).toBeCloseTo(38e-6, 12);
    expect(communicationLatency(collective("all_gather", 4), device)).toBeCloseTo(16e-6, 12);
    const sent = (14 / 8) * 201_326_592;
    expect(communicationEnergy(collective("all_reduce"), device, 1110)).toBeCloseTo(
      sent * device.communication.energy_j_per_wire_byte,
      9,
    );
    expect(communicationTraffic(collective("all_reduce"), device)).toBe(3 * sent);
  });
});

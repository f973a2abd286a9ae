import { test } from "vitest";
import { llamaLayer, partitionOf } from "../../test/support/llama-layer.js";
import { loadDevice } from "../gpu/device.js";
import { modelledOracle } from "./modelled.js";
import { kernelTime } from "./kernel-model.js";
test("speed", () => {
  const d = loadDevice("a100-sxm4-40gb");
  const l = llamaLayer(4, 4096);
  for (const ks of [l.forward_attention, l.forward_mlp, l.backward_mlp, l.backward_attention]) {
    for (let rep=0; rep<5; rep++) {
    const p = partitionOf("x", ks, l.reduced_bytes); const o = modelledOracle(d);
    const t0 = performance.now(); let n = 0;
    for (const f of d.searched_clocks_mhz) for (const s of d.searched_comm_sms) for (const sl of [null, ...p.slots.map(x=>x.name)]) { o.cost(p, { freq_mhz: f, sms: s, launch_slot: sl }); n++;  }
    const t1=performance.now();
    for (let i=0;i<10000;i++) kernelTime(ks[0]!.work,d,1200+i*.01,100);
    const t2=performance.now();
    if(rep===4) console.log(n, "calls", ((t1 - t0) * 1e3 / n).toFixed(2), "us/call kernelTime", ((t2-t1)/10).toFixed(2), ks[0]!.work.op);
    }
  }
});

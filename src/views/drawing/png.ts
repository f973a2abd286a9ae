import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import type { Picture } from "./picture.js";
import { svgPage } from "./svg.js";

const { resolve } = createRequire(import.meta.url);

/** The renderer's own start, which happens once in a process. */
let started: Promise<void> | undefined;

/**
 * A picture as PNG, `scale` pixels for a point. Renderer and font come with the package: the same picture gives the
 * same bytes on any machine.
 */
export async function pngPage(picture: Picture, scale = 3): Promise<Uint8Array> {
  started ??= readFile(resolve("@resvg/resvg-wasm/index_bg.wasm")).then(initWasm);
  await started;
  const font = await readFile(resolve("open-sans-fonts/open-sans/Regular/OpenSans-Regular.ttf"));
  const renderer = new Resvg(svgPage(picture, "Open Sans"), {
    fitTo: { mode: "zoom", value: scale },
    font: { fontBuffers: [font], defaultFontFamily: "Open Sans" },
  });
  return renderer.render().asPng();
}

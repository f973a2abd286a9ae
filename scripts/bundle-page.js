// Bundles the report page's script: src/views/report/page/ and the parts of echarts that it draws with.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "src/views/report");
const { output } = await build({
  input: join(folder, "page/main.ts"),
  platform: "browser",
  resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
  transform: { define: { "process.env.NODE_ENV": '"production"' } },
  output: {
    file: join(folder, "generated/page.js"),
    format: "iife",
    minify: true,
    comments: false,
  },
});
// The page holds it between script tags, where these would end or open something.
const broken = output.filter(({ code }) => /<\/script|<!--/i.test(code));
if (broken.length > 0) throw new Error("the page's script cannot stand in a page");

// Writes schemas/*.schema.json from the built formats: `npm run schemas`.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publishedSchemas } from "../dist/src/emit/schemas.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "schemas");
mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries(publishedSchemas())) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
}

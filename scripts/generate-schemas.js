// Writes schemas/*.schema.json from the built formats: `npm run schemas`. The Python package carries a
// copy of the plan's, because it is installed by itself.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publishedSchemas } from "../dist/src/emit/schemas.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = join(root, "schemas");
mkdirSync(folder, { recursive: true });
const write = (file, schema) => writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
const schemas = publishedSchemas();
for (const [name, schema] of Object.entries(schemas)) {
  write(join(folder, `${name}.schema.json`), schema);
}
for (const name of ["plan", "schedule"]) {
  write(join(root, `native/python/kareus_runtime/${name}.schema.json`), schemas[name]);
}

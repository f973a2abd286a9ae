import { defineConfig } from "vitest/config";

/** Runs of the built program from end to end, its costs against measurements of others, and long searches. */
const WHOLE = ["test/{cli,diagnostics,validate}/**/*.test.ts", "**/*.long.test.ts"];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Every core: much of the time of a file is that of programs it waits for.
    maxWorkers: "100%",
    // Nothing is mocked, so test files share what they import: half the time of small ones is that.
    isolate: false,
    projects: [
      {
        extends: true,
        test: {
          name: "parts",
          include: ["src/**/*.test.ts", "passes/**/*.test.ts", "test/**/*.test.ts"],
          exclude: WHOLE,
        },
      },
      {
        extends: true,
        test: { name: "whole", include: WHOLE, exclude: ["node_modules/**", "dist/**"] },
      },
    ],
  },
});

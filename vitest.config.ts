import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "passes/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Every core: much of the time of a file is that of programs it waits for.
    maxWorkers: "100%",
    // Nothing is mocked, so test files share what they import: half the time of small ones is that.
    isolate: false,
  },
});

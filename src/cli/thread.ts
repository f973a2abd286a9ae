import { workerData } from "node:worker_threads";
import { runCommand } from "./command.js";
import type { ThreadData } from "./thread-data.js";

// The thread in which a command runs, while the main one waits for signals.
const { words, stdout, stderr } = workerData as ThreadData;
Object.assign(process.stdout, stdout);
Object.assign(process.stderr, stderr);
await runCommand(words);

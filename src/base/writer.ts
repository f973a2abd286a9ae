import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fail } from "./diagnostics/diagnostic.js";
import { folderBusy, unwritable } from "./diagnostics/usage.js";
import { reasonOf } from "./files.js";
import { parseJson } from "./json.js";

/** A process, told from a later one of the same number by its start. */
interface Writer {
  readonly host: string;
  readonly pid: number;
  readonly start: string | null;
}

/** How long another's takeover of a dead writer's file may be under way. */
const SETTLED_MS = 50;

/**
 * Makes this process a folder's only writer, until what is returned is called or it ends. A living writer
 * on this machine, or one of another machine whose end cannot be seen from here: KRS0024. What a process
 * that was killed left behind is taken over.
 */
export async function onlyWriter(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, ".writer");
  const own = JSON.stringify(await thisWriter());
  try {
    if (!(await made(path, own))) await takeOver(folder, path, own);
    if ((await contentOf(path)) !== own) fail(folderBusy(folder, "another process"));
  } catch (cause) {
    if (cause instanceof Error && "code" in cause) fail(unwritable(path, reasonOf(cause)));
    throw cause;
  }
  return async () => {
    if ((await contentOf(path)) === own) await rm(path, { force: true });
  };
}

/** Whether the file was not there before: the file system decides that, for one of many. */
async function made(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false;
    throw cause;
  }
}

async function takeOver(folder: string, path: string, own: string): Promise<void> {
  await wait(SETTLED_MS); // one that was made just now is filled by then
  const content = await contentOf(path);
  const other = writerOf(content);
  if (other !== null && other.host !== hostname()) {
    fail(folderBusy(folder, `process ${other.pid} of ${other.host}`, path));
  }
  if (other !== null && other.start !== null && (await startOf(other.pid)) === other.start) {
    fail(folderBusy(folder, `process ${other.pid}`));
  }
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, own);
  if ((await contentOf(path)) === content) await rename(draft, path);
  else await rm(draft, { force: true });
  await wait(SETTLED_MS);
}

async function thisWriter(): Promise<Writer> {
  return { host: hostname(), pid: process.pid, start: await startOf(process.pid) };
}

function writerOf(content: string | null): Writer | null {
  const read = content === null ? null : parseJson(content);
  const whole = typeof read === "object" && read !== null && "host" in read && "pid" in read;
  return whole && "start" in read ? (read as Writer) : null;
}

async function contentOf(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}

/** When a process started, as Linux counts; null where there is no such process. */
async function startOf(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  // The name, in parentheses, may hold anything; the start is field 22.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined || fields[0] === "Z" ? null : (fields[19] ?? null);
}

import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fail } from "./diagnostics/diagnostic.js";
import { unreadable, unwritable } from "./diagnostics/usage.js";
import { stdinParts } from "./stdin.js";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "a file of that name is in the way",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many symbolic links",
  ENXIO: "it cannot be opened",
  EMFILE: "too many files are open",
  Z_DATA_ERROR: "it is not whole gzip",
  Z_BUF_ERROR: "it is not whole gzip",
  ERR_BUFFER_TOO_LARGE: "it is too large",
  ERR_FS_FILE_TOO_LARGE: "it is too large",
  ERR_STRING_TOO_LONG: "it is too large",
};

/** The operating system's reason in plain words. */
export function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return REASONS[code] ?? (code || (cause instanceof Error ? cause.message : String(cause)));
}

/** The result of an action on a file or folder; failure is KRS0021. */
export function guarded<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    return fail(unwritable(path, reasonOf(cause)));
  }
}

/** The whole of a UTF-8 file, or of standard input for `-`. Unreadable: KRS0020. */
export async function readText(path: string): Promise<string> {
  try {
    return path === "-" ? await text(stdinParts()) : await readFile(path, "utf8");
  } catch (cause) {
    return fail(unreadable(path, reasonOf(cause)));
  }
}

/** The same, or null where there is no such file. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const reason = reasonOf(cause);
    return reason === REASONS.ENOENT ? null : fail(unreadable(path, reason));
  }
}

/** Writes a file of its own, also where somebody has put a link of that name: it leads nowhere. */
async function writeNew(path: string, content: Uint8Array | string): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, content, { flag: "wx" });
}

/**
 * Writes a file whole or not at all: under a temporary name in the same folder, then renamed.
 * Failure: KRS0021, and no temporary file stays.
 */
export async function writeText(path: string, content: string): Promise<void> {
  await writeBytes(path, Buffer.from(content));
}

/** The same, of bytes. */
export async function writeBytes(path: string, content: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await writeNew(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    fail(unwritable(path, reasonOf(cause)));
  }
}

/**
 * Makes a folder and its parents; whether it is new. Not the recursive mkdir of Node, which never
 * returns where folders cannot be made at all (/proc).
 */
async function makeFolder(path: string): Promise<boolean> {
  if ((await stat(path).catch(() => null))?.isDirectory()) return false;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  try {
    await mkdir(path);
    return true;
  } catch (cause) {
    // Another process may have made it since.
    if ((await stat(path).catch(() => null))?.isDirectory()) return false;
    throw cause;
  }
}

/**
 * Makes sure of a folder (parents included) and proves that files can be made in it; else KRS0021.
 * Returns whether the folder is new.
 */
export async function prepareFolder(path: string): Promise<boolean> {
  const probe = join(path, `.probe.${process.pid}.tmp`);
  try {
    const made = await makeFolder(path);
    await writeNew(probe, "");
    await rm(probe, { force: true });
    return made;
  } catch (cause) {
    return fail(unwritable(path, reasonOf(cause)));
  }
}

/** Names in a folder, sorted. Unreadable: KRS0020. */
export async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    return fail(unreadable(path, reasonOf(cause)));
  }
}

/** Removes a file if it is there. Failure: KRS0021. */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (cause) {
    fail(unwritable(path, reasonOf(cause)));
  }
}

/** Removes a folder if it is empty, and leaves it alone otherwise. */
export async function removeFolder(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined);
}

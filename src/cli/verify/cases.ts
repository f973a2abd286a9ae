import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { noCases, pathLeavesFolder } from "../../base/diagnostics/review.js";
import { unreadable } from "../../base/diagnostics/usage.js";

/** How deep folders are searched. */
const DEPTH = 8;

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    return fail(unreadable(folder, "no such folder, or not allowed"));
  }
}

/** The cases in a folder: itself if it has a case.json, else those below, in order. */
async function casesIn(folder: string, depth: number): Promise<string[]> {
  const entries = await entriesOf(folder);
  if (entries.some((entry) => entry.name === "case.json")) return [folder];
  if (depth === 0) return [];
  // Links are not followed: they may lead out of the folder, or in circles.
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const found: string[] = [];
  for (const name of names.sort()) {
    if (name !== "node_modules") found.push(...(await casesIn(join(folder, name), depth - 1)));
  }
  return found;
}

/** All cases of some folders, each once, in the order given. None in one of them: KRS4201. */
export async function findCases(folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    const cases = await casesIn(folder, DEPTH);
    if (cases.length === 0) fail(noCases(folder));
    found.push(...cases);
  }
  return [...new Map(found.map((path) => [resolve(path), path])).values()];
}

/**
 * A path that a file in `folder` names, from here. One that leads out of the folder, links followed,
 * is KRS4203; a missing one is left to whoever reads it.
 * @param where the file that names it
 */
export async function pathWithin(folder: string, path: string, where: string): Promise<string> {
  const full = join(folder, path);
  const home = await realpath(folder);
  const real = await realpath(full).catch(() => null);
  const inside = isBelow(folder, full) && (real === null || isBelow(home, real));
  if (isAbsolute(path) || !inside) fail(pathLeavesFolder(where, path));
  return full;
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

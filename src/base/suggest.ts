import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { at } from "./need.js";

/** Edits (insert, delete, replace, swap neighbours) from one text to the other. */
function editDistance(a: string, b: string): number {
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  let before = last;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (same ? 0 : 1),
        swapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

/** Names that one hint gives. */
const MOST = 3;

/** The known names that a mistyped or unfinished one may stand for, nearest first; case is ignored. */
function similarNames(word: string, known: readonly string[]): readonly string[] {
  const typed = word.toLowerCase();
  const unfinished = typed.length < 2 ? [] : known.filter((k) => k.toLowerCase().startsWith(typed));
  if (unfinished.length > 0) return unfinished.slice(0, MOST);
  const near = known
    .map((name) => ({ name, edits: editDistance(typed, name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  const nearest = near.filter(({ edits }) => edits === near[0]?.edits);
  return nearest.slice(0, MOST).map(({ name }) => name);
}

/** `did you mean x? ` before a hint, where some known name is near. */
export function suggesting(word: string, known: readonly string[], hint: string): string {
  const near = similarNames(word, known);
  return near.length === 0 ? hint : `did you mean ${near.join(" or ")}? ${hint}`;
}

/** The same for a path that does not exist: names beside it. */
export function suggestingFiles(path: string, hint: string): string {
  const names = siblings(path);
  const near = names.includes(basename(path)) ? [] : similarNames(basename(path), names);
  const paths = near.map((name) => join(dirname(path), name));
  return near.length === 0 ? hint : `did you mean ${paths.join(" or ")}? ${hint}`;
}

function siblings(path: string): readonly string[] {
  try {
    return readdirSync(dirname(path)).sort();
  } catch {
    return [];
  }
}

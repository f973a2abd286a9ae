import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  listFolder,
  prepareFolder,
  readText,
  removeFile,
  removeFolder,
  writeText,
} from "./files.js";

const folder = mkdtempSync(join(tmpdir(), "kareus-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...names: string[]) => join(folder, ...names);
const asRoot = process.getuid?.() === 0;

describe("files", () => {
  it("are written whole, replace what was there and leave nothing else", async () => {
    mkdirSync(at("w"));
    await writeText(at("w", "a.json"), "one");
    await writeText(at("w", "a.json"), "two");
    expect(readFileSync(at("w", "a.json"), "utf8")).toBe("two");
    expect(readdirSync(at("w"))).toEqual(["a.json"]);
    expect(await readText(at("w", "a.json"))).toBe("two");
  });

  it("are written past links of their temporary names", async () => {
    mkdirSync(at("links"));
    writeFileSync(at("victim"), "mine");
    for (const name of ["a.json", "probe"]) {
      symlinkSync(at("victim"), at("links", `.${name}.${process.pid}.tmp`));
    }
    await prepareFolder(at("links"));
    await writeText(at("links", "a.json"), "one");
    expect(readFileSync(at("victim"), "utf8")).toBe("mine");
    expect(readdirSync(at("links"))).toEqual(["a.json"]);
  });

  it("that cannot be written leave no temporary file behind", async () => {
    mkdirSync(at("t", "a.json"), { recursive: true });
    await expect(writeText(at("t", "a.json"), "x")).rejects.toThrow(/KRS0021/);
    expect(readdirSync(at("t"))).toEqual(["a.json"]);
  });

  it("that cannot be read say why", async () => {
    await expect(readText(at("none"))).rejects.toThrow(/KRS0020.*no such file/);
    await expect(readText(folder)).rejects.toThrow(/KRS0020.*it is a folder/);
  });

  it("are removed if they are there", async () => {
    writeFileSync(at("gone"), "");
    await removeFile(at("gone"));
    await removeFile(at("gone"));
    expect(readdirSync(folder)).not.toContain("gone");
  });
});

describe("folders", () => {
  it("are made with their parents, once", async () => {
    expect(await prepareFolder(at("p", "q", "r"))).toBe(true);
    expect(await prepareFolder(at("p", "q", "r"))).toBe(false);
    expect(readdirSync(at("p", "q", "r"))).toEqual([]);
  });

  it("are refused where a file is in the way", async () => {
    writeFileSync(at("file"), "");
    await expect(prepareFolder(at("file"))).rejects.toThrow(/KRS0021/);
    await expect(prepareFolder(at("file", "sub"))).rejects.toThrow(/KRS0021/);
  });

  it("are refused where none can be made, without hanging", async () => {
    await expect(prepareFolder("/proc/kareus/out")).rejects.toThrow(/KRS0021/);
  });

  it.skipIf(asRoot)("are refused where permission is missing", async () => {
    mkdirSync(at("locked"));
    chmodSync(at("locked"), 0o500);
    await expect(prepareFolder(at("locked"))).rejects.toThrow(/permission denied/);
  });

  it("are listed in order, and removed only when empty", async () => {
    mkdirSync(at("l"));
    for (const name of ["b", "a", "c"]) writeFileSync(at("l", name), "");
    expect(await listFolder(at("l"))).toEqual(["a", "b", "c"]);
    await removeFolder(at("l"));
    expect(readdirSync(at("l"))).toHaveLength(3);
    await expect(listFolder(at("missing"))).rejects.toThrow(/KRS0020/);
  });
});

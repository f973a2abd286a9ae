import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** Debian's browser; tests that need it are skipped where it is not installed. */
const CHROMIUM = "/usr/bin/chromium";
export const BROWSER_FOUND = existsSync(CHROMIUM);

const ARGUMENTS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"],
  ...["--no-first-run", "--disable-background-networking", "--disable-component-update"],
];

type Message = Readonly<Record<string, unknown>>;

/** What a page said that it should not have, and what it asked the network for. */
interface Complaints {
  readonly errors: string[];
  readonly requests: string[];
}

/** A page in a headless browser, driven over the DevTools protocol. */
export interface Page extends Complaints {
  readonly open: (url: string) => Promise<void>;
  /** The value of an expression in the page; a promise is awaited. */
  readonly evaluate: <T>(expression: string) => Promise<T>;
  /** A key as a person strikes it. */
  readonly press: (key: string) => Promise<void>;
  /** Moves the mouse there, from beside it. */
  readonly hover: (x: number, y: number) => Promise<void>;
  readonly click: (x: number, y: number) => Promise<void>;
  readonly send: (method: string, parameters?: Message) => Promise<Message>;
  readonly close: () => Promise<void>;
}

/** Starts a browser with one empty page. */
export async function openBrowser(): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), "kareus-chromium-"));
  const child = spawn(CHROMIUM, [...ARGUMENTS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const listeners = new Map<string, (parameters: Message) => void>();
  const call = protocol(child, listeners);
  const { targetInfos } = await call("Target.getTargets", {});
  const target = (targetInfos as { type: string; targetId: string }[]).find(
    ({ type }) => type === "page",
  );
  const { sessionId } = await call("Target.attachToTarget", {
    targetId: target?.targetId,
    flatten: true,
  });
  const send = (method: string, parameters: Message = {}) =>
    call(method, parameters, String(sessionId));
  const complaints: Complaints = { errors: [], requests: [] };
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  listeners.set("Runtime.exceptionThrown", ({ exceptionDetails }) => {
    complaints.errors.push(JSON.stringify(exceptionDetails));
  });
  listeners.set("Runtime.consoleAPICalled", ({ type, args }) => {
    if (type === "error" || type === "warning") complaints.errors.push(JSON.stringify(args));
  });
  listeners.set("Log.entryAdded", ({ entry }) => {
    complaints.errors.push(JSON.stringify(entry));
  });
  listeners.set("Network.requestWillBeSent", ({ request }) => {
    complaints.requests.push((request as { url: string }).url);
  });
  return {
    ...complaints,
    ...pageActions(send, listeners),
    close: async () => {
      const closed = new Promise((resolve) => child.once("close", resolve));
      await call("Browser.close", {});
      await closed;
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

function pageActions(send: Page["send"], listeners: Map<string, (parameters: Message) => void>) {
  const evaluate = async <T>(expression: string): Promise<T> => {
    const answer = await send("Runtime.evaluate", {
      ...{ expression, returnByValue: true, awaitPromise: true },
    });
    if (answer.exceptionDetails !== undefined) {
      throw new Error(JSON.stringify(answer.exceptionDetails));
    }
    return (answer.result as { value: T }).value;
  };
  return {
    send,
    evaluate,
    open: async (url: string) => {
      const loaded = new Promise<void>((resolve) => {
        listeners.set("Page.loadEventFired", () => resolve());
      });
      await send("Page.navigate", { url });
      await loaded;
    },
    press: async (key: string) => {
      const stroke = { key, code: key, windowsVirtualKeyCode: KEY_CODES[key] ?? 0 };
      await send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...stroke });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...stroke });
    },
    hover: async (x: number, y: number) => {
      await send("Input.dispatchMouseEvent", { type: "mouseMoved", x: x - 2, y });
      await send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
    },
    click: async (x: number, y: number) => {
      const at = { x, y, button: "left", clickCount: 1 };
      await send("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
      await send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
    },
  };
}

const KEY_CODES: Readonly<Record<string, number>> = { ArrowDown: 40, ArrowUp: 38, Tab: 9 };

/** Calls over the pipe: JSON between NUL bytes, on file descriptor 3 to it and 4 from it. */
function protocol(child: ChildProcess, listeners: Map<string, (parameters: Message) => void>) {
  const input = child.stdio[3] as Writable;
  const output = child.stdio[4] as Readable;
  const waiting = new Map<number, (message: Message) => void>();
  let last = 0;
  let rest = "";
  child.once("close", () => {
    for (const answer of waiting.values()) answer({ error: "the browser ended" });
  });
  output.setEncoding("utf8").on("data", (text: string) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop() ?? "";
    for (const json of messages) {
      const message = JSON.parse(json) as Message;
      if (typeof message.id === "number") waiting.get(message.id)?.(message);
      else listeners.get(String(message.method))?.((message.params ?? {}) as Message);
    }
  });
  return (method: string, params: Message, sessionId?: string): Promise<Message> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, (message) => {
        waiting.delete(id);
        if (message.error !== undefined) {
          reject(new Error(`${method}: ${JSON.stringify(message.error)}`));
        } else resolve((message.result ?? {}) as Message);
      });
      input.write(
        `${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`,
      );
    });
}

// Speaks to this server alone: JSON, server-sent events, errors in one line. Knows no page.

import { key } from "./memory.js";

export class Failure extends Error {
  constructor(message, { status = 0, code = "" } = {}) {
    super(message);
    this.status = status; // 0: the server was not reached
    this.code = code;
  }
}

async function ask(method, path, body, signal) {
  const headers = {};
  if (key()) headers.Authorization = `Bearer ${key()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Failure("The server cannot be reached.");
  }
  if (response.ok) return response;
  const told = await response.json().then((answer) => answer.error, () => undefined);
  const wait = response.headers.get("Retry-After");
  const message = told?.message ?? `The server answered ${response.status}.`;
  throw new Failure(response.status === 429 && wait ? `Too many requests; try again in ${wait} s.` : message, {
    status: response.status,
    code: told?.code ?? "",
  });
}

export const get = async (path, signal) => (await ask("GET", path, undefined, signal)).json();
export const post = async (path, body, signal) => (await ask("POST", path, body, signal)).json();
export const remove = async (path) => (await ask("DELETE", path)).json();

/** The data of every event of a streamed answer, as it comes. */
export async function* stream(path, body, signal) {
  const response = await ask("POST", path, { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let isWhole = false;
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const content = event.split("\n").find((line) => line.startsWith("data: "))?.slice(6) ?? "{}";
        if (content === "[DONE]") {
          isWhole = true;
          continue;
        }
        const told = JSON.parse(content);
        if (told.error) throw new Failure(told.error.message, { status: 500, code: told.error.code });
        yield told;
      }
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof Failure) throw error;
    throw new Failure("The connection broke.");
  }
  if (!isWhole) throw new Failure("The connection broke.");
}

export async function isReached() {
  try {
    return (await fetch("/ready", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

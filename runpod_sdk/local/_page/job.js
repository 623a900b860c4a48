/** One job, and what can be done with it. */

import { call, local, operation, send } from "./api.js";
import { badge, copyButton, duration, find, h, setBadge, setText } from "./dom.js";
import { block, coloured } from "./json.js";

const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const RETRYABLE = new Set(["FAILED", "TIMED_OUT"]);

export class JobView {
  /** @param on `changed()` is called after something was done, `again(input)` to send it again. */
  constructor(on) {
    this.on = on;
    this.id = null;
    this.parts = new Map();
  }

  /** Choose a job; tell whether it is another one than before. */
  select(id) {
    if (id === this.id) return false;
    this.id = id;
    this.job = null;
    this.parts.clear();
    if (id !== null) this.build();
    return id !== null;
  }

  build() {
    this.badge = badge("");
    this.badge.setAttribute("aria-live", "polite");
    this.cancel = h("button", { type: "button", class: "danger", disabled: true, onclick: () => this.act("cancel") }, "Cancel");
    this.retry = h("button", { type: "button", disabled: true, onclick: () => this.act("retry") }, "Retry");
    this.copy = h("button", { type: "button", disabled: true, onclick: () => this.sendAgain() }, "Send again…");
    this.said = h("p", { class: "problem", role: "alert", hidden: true });
    this.waiting = h("i", { class: "waiting" });
    this.running = h("i", { class: "running" });
    this.facts = new Map();
    this.missing = h("p", { class: "empty", hidden: true },
      "There is no such job, or no longer: it has expired, was purged, or came before the server was started anew.");
    this.body = h("div", { class: "job-body" },
      h("div", { class: "bar-of-time", "aria-hidden": "true" }, this.waiting, this.running),
      h("dl", { class: "facts" }, ["Submitted", "Delay", "Execution", "Worker", "Retries", "Expires in"].map((name) => {
        const value = h("dd", {}, "–");
        this.facts.set(name, value);
        return h("div", {}, h("dt", {}, name), value);
      })),
      ["error", "output", "input", "chunks"].map((part) => this.section(part)),
      shell(this.id));
    find("job").replaceChildren(
      h("a", { class: "back", href: "#/" }, "All jobs"),
      h("div", { class: "job-head" }, h("h2", {}, h("code", {}, this.id)), copyButton(this.id, "Copy id")),
      h("div", { class: "job-tools" }, this.badge, this.cancel, this.retry, this.copy),
      this.said, this.missing, this.body);
  }

  section(part) {
    const title = h("h3");
    const element = h("section", { class: `part ${part}`, hidden: true }, title);
    this.parts.set(part, { element, title, shown: null });
    return element;
  }

  show(job, state) {
    if (this.id === null) return;
    this.missing.hidden = job !== null;
    this.body.hidden = job === null;
    this.badge.hidden = job === null;
    this.job = job;
    this.clock = state.clock;
    this.cancel.disabled = job === null || TERMINAL.has(job.status);
    this.retry.disabled = job === null || !RETRYABLE.has(job.status);
    this.copy.disabled = job === null;
    if (job === null) return;
    setBadge(this.badge, job.status);
    const titles = {
      error: "Error", input: "Input", output: TERMINAL.has(job.status) ? "Output" : "Progress",
      chunks: `Chunks that wait to be streamed: ${job.waitingChunks}`,
    };
    for (const [part, view] of this.parts) {
      const text = job.parts[part];
      view.element.hidden = text === undefined;
      setText(view.title, titles[part]);
      if (text === undefined || view.shown === text.text) continue;
      view.shown = text.text;
      view.element.replaceChildren(view.title, ...content(job.id, part, text, titles[part]));
    }
    this.tick();
  }

  tick() {
    if (!this.job) return;
    const { status, delayTime, executionTime, submitted, started, expires, workerId, retries } = this.job;
    const now = performance.now() / 1000 - this.clock;
    const delay = delayTime ?? (TERMINAL.has(status) ? undefined : (now - submitted) * 1000);
    const execution = executionTime ?? (status === "IN_PROGRESS" ? (now - started) * 1000 : undefined);
    const total = Math.max(1, (delay ?? 0) + (execution ?? 0));
    this.waiting.style.width = `${(100 * (delay ?? 0)) / total}%`;
    this.running.style.width = execution === undefined ? "0" : `${100 - (100 * (delay ?? 0)) / total}%`;
    this.running.dataset.status = status;
    const set = (name, text) => setText(this.facts.get(name), text);
    set("Submitted", new Date(Date.now() - (now - submitted) * 1000).toLocaleTimeString());
    set("Delay", duration(delay));
    set("Execution", duration(execution));
    set("Worker", workerId ?? "–");
    set("Retries", String(retries ?? 0));
    set("Expires in", duration((expires - now) * 1000));
  }

  async act(name) {
    const id = this.id;
    this.said.hidden = true;
    try {
      await call("POST", operation(name, id));
    } catch (error) {
      if (id !== this.id) return;
      setText(this.said, error.message);
      this.said.hidden = false;
    }
    this.on.changed();
  }

  async sendAgain() {
    const { text, whole } = this.job.parts.input;
    this.on.again(whole ? text : await fetchWhole(this.id, "input"));
  }
}

/** What is shown of a part: JSON, or the words of an error that the worker has wrapped. */
function content(id, part, { text, whole }, label) {
  const options = {
    value: true, copied: text, name: `${id}.${part}.json`, whole: whole ? undefined : () => fetchWhole(id, part),
  };
  const error = part === "error" && whole ? JSON.parse(text) : null;
  if (typeof error !== "string") return [block(label, coloured(text), options)];
  const raised = exception(error);
  if (!raised) return [h("p", { class: "message" }, error)];
  const { error_type: type, error_message: message, error_traceback: traceback } = raised;
  return [
    h("p", { class: "message" }, h("strong", {}, String(type ?? "").replace(/^<class '(.*)'>$/, "$1")), " ", String(message ?? "")),
    ...(traceback ? [block("Traceback", h("code", {}, String(traceback).trimEnd()))] : []),
    h("details", {}, h("summary", {}, "As it was sent"), block("The error as it was sent", coloured(error), { value: true })),
  ];
}

function exception(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && "error_message" in value ? value : null;
  } catch {
    return null;
  }
}

async function fetchWhole(id, part) {
  const answer = await send("GET", local("jobs", id, part));
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.text;
}

function shell(id) {
  const command = h("code");
  // Only once it is opened: before the first answer nobody knows which endpoint this is.
  return h("details", { class: "shell", ontoggle: () => setText(command, curl("GET", operation("status", id))) },
    h("summary", {}, "Ask for it from a shell"), block("A command that asks for the job", command));
}

/** A command for a shell; the key is named and not shown. */
export function curl(method, path, body) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}${quoted(location.origin + path)}`];
  lines.push(`  -H "Authorization: Bearer $RUNPOD_API_KEY"`);
  if (body !== undefined) lines.push("  -H 'Content-Type: application/json'", `  -d ${quoted(body)}`);
  return lines.join(" \\\n");
}

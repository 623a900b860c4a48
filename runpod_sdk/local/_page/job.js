/** One job, and what can be done with it. */

import { call, local, operation, send } from "./api.js";
import { badge, copyButton, duration, find, h, setAttribute, setBadge, setText, shortId, timeOfDay } from "./dom.js";
import { failure } from "./failure.js";
import { block, coloured } from "./json.js";
import { LogView } from "./log.js";
import { Gallery } from "./media.js";
import { hashOf } from "./route.js";
import { snippets } from "./snippets.js";
import { Timeline } from "./timeline.js";

const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);
const RETRYABLE = new Set(["FAILED", "TIMED_OUT"]);
const FACTS = ["Submitted", "Delay", "Execution", "Worker", "Attempts", "Expires in"];

export class JobView {
  /** @param on `changed()` is called after something was done, `again(input)` to send it again. */
  constructor(on) {
    this.on = on;
    this.id = null;
    this.parts = new Map();
    this.galleries = new Map();
  }

  /** Choose a job; tell whether it is another one than before. */
  select(id) {
    if (id === this.id) return false;
    this.id = id;
    this.job = null;
    this.parts.clear();
    for (const gallery of this.galleries.values()) gallery.close();
    this.galleries.clear();
    if (id !== null) this.build();
    return id !== null;
  }

  asked() {
    return { job: this.id, after: this.id === null ? 0 : this.log.known };
  }

  build() {
    this.badge = badge("");
    this.badge.setAttribute("aria-live", "polite");
    this.cancel = h("button", { type: "button", class: "danger cancel", disabled: true, onclick: () => this.act("cancel") }, "Cancel");
    this.retry = h("button", { type: "button", class: "retry", disabled: true, onclick: () => this.act("retry") }, "Retry");
    this.again = h("button", { type: "button", class: "again", disabled: true, onclick: () => this.sendAgain() }, "Send again…");
    this.said = h("p", { class: "problem", role: "alert", hidden: true });
    this.facts = new Map();
    this.worker = h("a");
    this.timeline = new Timeline();
    this.log = new LogView();
    this.code = snippets(() => this.submission(), "Copy the submission as code");
    this.missing = h("p", { class: "empty", hidden: true },
      "There is no such job, or no longer: it has expired, was purged, or came before the server was started anew.");
    const sections = Object.fromEntries(["error", "output", "input", "chunks"].map((part) => [part, this.section(part)]));
    this.body = h("div", { class: "job-body" },
      this.timeline.track,
      h("dl", { class: "facts" }, FACTS.map((name) => {
        const value = h("dd", {}, name === "Worker" ? this.worker : "–");
        this.facts.set(name, value);
        return h("div", {}, h("dt", {}, name), value);
      })),
      sections.error, sections.output, this.log.element, sections.input, sections.chunks,
      this.timeline.element, this.code.element);
    find("job").replaceChildren(
      h("a", { class: "back", href: hashOf() }, "All jobs"),
      h("div", { class: "job-head" }, h("h2", {}, h("code", {}, this.id)), copyButton(this.id, "Copy id")),
      h("div", { class: "job-tools" }, this.badge, this.cancel, this.retry, this.again),
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
    this.again.disabled = job === null;
    this.log.show(state.log, state.clock);
    if (job === null) return;
    setBadge(this.badge, job.status);
    const titles = {
      error: "Error", input: "Input", output: TERMINAL.has(job.status) ? "Output" : "Progress",
      chunks: `Chunks that wait to be streamed: ${job.waitingChunks}`,
    };
    for (const [part, view] of this.parts) {
      const value = job.parts[part];
      view.element.hidden = value === undefined;
      setText(view.title, titles[part]);
      if (value === undefined || view.shown === value.serial) continue;
      view.shown = value.serial;
      view.element.replaceChildren(view.title, ...this.content(part, value, titles[part], job));
    }
    this.timeline.show(job, state.clock);
    this.tick();
  }

  /** What is shown of a part: its files, and its JSON. */
  content(part, value, label, { failure: parts }) {
    const { text, whole, files } = value;
    const fetchAll = () => fetchWhole(this.id, part);
    const options = {
      name: `${this.id}.${part}.json`, copied: whole && !files.length ? text : fetchAll, whole: whole ? undefined : fetchAll,
    };
    if (part === "error" && parts) return failure(parts, { text, options });
    this.galleries.get(part)?.close();
    this.galleries.delete(part);
    const shown = [block(label, coloured(text), { value: true, ...options })];
    if (files.length) {
      const id = this.id;
      const gallery = new Gallery(files, (file) => fetchFile(id, part, file));
      this.galleries.set(part, gallery);
      shown.unshift(gallery.element);
    }
    return shown;
  }

  tick() {
    if (!this.job) return;
    const { status, executionTime, submitted, queued, started, expires, workerId, attempts } = this.job;
    const now = performance.now() / 1000 - this.clock;
    const waited = started ?? (TERMINAL.has(status) ? null : now);
    const execution = executionTime ?? (status === "IN_PROGRESS" ? (now - started) * 1000 : undefined);
    this.timeline.tick(this.clock);
    const set = (name, text) => setText(this.facts.get(name), text);
    set("Submitted", timeOfDay(submitted, this.clock));
    set("Delay", waited === null ? "–" : duration((waited - queued) * 1000));
    set("Execution", duration(execution));
    setText(this.worker, workerId ? shortId(workerId) : "–");
    setAttribute(this.worker, "href", workerId ? hashOf("workers", workerId) : null);
    set("Attempts", String(attempts));
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

  /** The input as it was sent, whole. */
  async input() {
    const { text, whole, files } = this.job.parts.input;
    return whole && !files.length ? text : fetchWhole(this.id, "input");
  }

  async sendAgain() {
    this.on.again(await this.input());
  }

  /** The request that submitted the job; a secret of its storage is left out. */
  async submission() {
    const { id, policy, webhook } = this.job;
    const rest = JSON.stringify({
      ...(Object.keys(policy).length && { policy }), ...(webhook && { webhook }),
    }).slice(1, -1);
    const body = `{"input":${await this.input()}${rest && `,${rest}`}}`;
    return { method: "POST", path: operation(id.startsWith("sync-") ? "runsync" : "run"), body };
  }
}

async function fetchWhole(id, part) {
  const answer = await send("GET", local("jobs", id, part));
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.text;
}

async function fetchFile(id, part, { pointer }) {
  const answer = await send("GET", `${local("jobs", id, part)}&file=${encodeURIComponent(`#${pointer}`)}`, { blob: true });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.blob;
}

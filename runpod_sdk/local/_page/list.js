/** The list of jobs, the newest first. */

import { call, operation } from "./api.js";
import { age, arrange, badge, duration, find, h, setBadge, setText, statusName } from "./dom.js";

const PAGE = 100; // jobs that are shown at first, and more at each wish
const MOST = 1000;
const STATUSES = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"];

export class JobList {
  /** @param on `changed()` is called when something else is to be shown, or was done. */
  constructor(on) {
    this.on = on;
    this.newest = PAGE;
    this.status = "";
    this.id = "";
    this.selected = null;
    this.rows = new Map();
    this.filters = new Map();
    for (const status of ["", ...STATUSES]) this.addFilter(status);
    find("find").addEventListener("input", () => {
      this.id = find("find").value.trim();
      this.ask();
    });
    find("more").addEventListener("click", () => {
      this.newest = Math.min(MOST, this.newest + PAGE);
      this.on.changed();
    });
    find("purge").addEventListener("click", () => this.purge());
    find("rows").addEventListener("keydown", move);
  }

  addFilter(status) {
    const count = h("span", { class: "count" });
    const button = h("button", { type: "button", onclick: () => this.filter(status) },
      status ? statusName(status) : "All", count);
    button.setAttribute("aria-pressed", String(status === this.status));
    this.filters.set(status, { button, count });
    find("filters").append(button);
  }

  filter(status) {
    this.status = status;
    for (const [other, { button }] of this.filters) {
      button.setAttribute("aria-pressed", String(other === status));
    }
    this.ask();
  }

  ask() {
    this.newest = PAGE;
    find("list-scroll").scrollTop = 0;
    this.on.changed();
  }

  asked() {
    return { newest: this.newest, status: this.status, id: this.id };
  }

  select(id) {
    this.selected = id;
    for (const row of this.rows.values()) row.mark(id);
  }

  show(state) {
    const all = Object.values(state.totals).reduce((sum, count) => sum + count, 0);
    for (const [status, { button, count }] of this.filters) {
      const number = status ? (state.totals[status] ?? 0) : all;
      setText(count, String(number));
      // What never happens here need not take up room.
      button.hidden = status === "TIMED_OUT" && !number && this.status !== status;
    }
    const queued = state.totals.IN_QUEUE ?? 0;
    find("purge").disabled = !queued;

    const shown = new Set(state.jobs.map((job) => job.id));
    for (const id of this.rows.keys()) if (!shown.has(id)) this.rows.delete(id);
    arrange(find("rows"), state.jobs.map((job) => this.row(job, state.clock).element));

    const left = state.matching - state.jobs.length;
    find("more").hidden = left <= 0;
    find("more").disabled = this.newest >= MOST;
    setText(find("more"), this.newest >= MOST
      ? `${left} older ones: find them by status or id`
      : `Show more: ${left} older`);
    find("empty").hidden = state.jobs.length > 0;
    find("list-scroll").classList.toggle("is-empty", !state.jobs.length);
    setText(find("empty"), all
      ? "No job is like that."
      : "No jobs yet. Send one with the form, or point a client at this endpoint.");
  }

  row(job, clock) {
    let row = this.rows.get(job.id);
    if (!row) {
      row = new Row(job.id);
      row.mark(this.selected);
      this.rows.set(job.id, row);
    }
    row.show(job, clock);
    return row;
  }

  tick() {
    for (const row of this.rows.values()) row.tick();
  }

  async purge() {
    const dialog = find("confirm");
    setText(find("confirm-text"), "Remove every job that waits in the queue? Those that run go on.");
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    if (dialog.returnValue !== "yes") return;
    const button = find("purge");
    try {
      await call("POST", operation("purge-queue"));
      setText(button, "Purge queue");
    } catch (error) {
      setText(button, error.message);
    }
    this.on.changed();
  }
}

class Row {
  constructor(id) {
    this.badge = badge("");
    this.link = h("a", { href: `#/jobs/${encodeURIComponent(id)}` }, id);
    this.gist = h("span", { class: "gist" });
    // A narrow screen has no heads of columns.
    [this.delay, this.execution, this.age] = ["waited ", "ran ", ""].map((label) =>
      h("td", { class: "time", "data-label": label }));
    this.element = h("tr", {}, h("td", { class: "status" }, this.badge),
      h("td", { class: "what" }, this.link, this.gist), this.delay, this.execution, this.age);
    this.id = id;
  }

  mark(selected) {
    if (selected === this.id) this.link.setAttribute("aria-current", "true");
    else this.link.removeAttribute("aria-current");
  }

  show(job, clock) {
    this.job = job;
    this.clock = clock;
    setBadge(this.badge, job.status);
    const { input, output, error } = job.parts;
    const pair = [input?.text, output?.text].filter((text) => text !== undefined);
    setText(this.gist, error ? gistOfError(error.text) : pair.join("  →  "));
    this.tick();
  }

  tick() {
    const now = performance.now() / 1000 - this.clock;
    const { status, delayTime, executionTime, submitted, started } = this.job;
    const waits = status === "IN_QUEUE" ? (now - submitted) * 1000 : undefined;
    const runs = status === "IN_PROGRESS" ? (now - started) * 1000 : undefined;
    setText(this.delay, duration(delayTime ?? waits));
    setText(this.execution, duration(executionTime ?? runs));
    setText(this.age, age((now - submitted) * 1000));
  }
}

/** The words of an error that the worker has wrapped; of others, what there is. */
function gistOfError(text) {
  const [, type, message] = /\\"error_type\\": ?\\"<class '([^']*)'>\\", ?\\"error_message\\": ?\\"(.*)$/.exec(text) ?? [];
  return type ? `${type}: ${message.replace(/\\".*$/, "")}` : text;
}

/** Up and down go from job to job. */
function move(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const to = step && event.target.closest("tr")?.[step]?.querySelector("a");
  if (!to) return;
  event.preventDefault();
  to.focus();
}

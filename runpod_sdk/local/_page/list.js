/** The list of jobs, the newest first. */

import { call, operation } from "./api.js";
import { age, arrange, badge, duration, find, h, number, setAttribute, setBadge, setText, shortId, statusName } from "./dom.js";
import { filter, hashOf, keepFilter } from "./route.js";

const PAGE = 100; // jobs that are shown at first, and more at each wish
const MOST = 1000;
const TYPING = 200; // ms after a key before the server is asked to search
const STATUSES = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"];

export class JobList {
  /** @param on `changed()` is called when something else is to be shown, or was done. */
  constructor(on) {
    this.on = on;
    this.newest = PAGE;
    this.selected = null;
    this.rows = new Map();
    this.filters = new Map();
    for (const status of ["", ...STATUSES]) this.addFilter(status);
    let typed = null;
    find("find").addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => this.filter({ text: find("find").value.trim() }), TYPING);
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
    const button = h("button", { type: "button", onclick: () => this.filter({ status }) },
      status ? statusName(status) : "All", count);
    this.filters.set(status, { button, count });
    find("filters").append(button);
  }

  filter(change) {
    Object.assign(filter, change);
    keepFilter();
    this.showFilter();
    this.newest = PAGE;
    find("list-scroll").scrollTop = 0;
    this.on.changed();
  }

  /** Show the filter as it stands in the URL. */
  showFilter() {
    for (const [status, { button }] of this.filters) {
      button.setAttribute("aria-pressed", String(status === filter.status));
    }
    if (document.activeElement !== find("find")) find("find").value = filter.text;
    for (const row of this.rows.values()) row.showLink();
  }

  asked() {
    return { newest: this.newest, status: filter.status, text: filter.text };
  }

  select(id) {
    this.selected = id;
    for (const row of this.rows.values()) row.mark(id);
  }

  show(state) {
    const all = Object.values(state.totals).reduce((sum, count) => sum + count, 0);
    for (const [status, { button, count }] of this.filters) {
      const jobs = status ? (state.totals[status] ?? 0) : all;
      setText(count, number(jobs));
      // What never happens here need not take up room.
      button.hidden = status === "TIMED_OUT" && !jobs && filter.status !== status;
    }
    find("purge").disabled = !state.health.jobs.inQueue;

    const shown = new Set(state.jobs.map((job) => job.id));
    for (const id of this.rows.keys()) if (!shown.has(id)) this.rows.delete(id);
    arrange(find("rows"), state.jobs.map((job) => this.row(job, state.clock).element));

    const left = state.matching - state.jobs.length;
    find("more").hidden = left <= 0;
    find("more").disabled = this.newest >= MOST;
    setText(find("more"), this.newest >= MOST
      ? `${number(left)} older ones: find them by status or text`
      : `Show more: ${number(left)} older`);
    find("empty").hidden = state.jobs.length > 0;
    find("list-scroll").classList.toggle("is-empty", !state.jobs.length);
    setText(find("empty"), all || filter.text || filter.status
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
    this.id = id;
    this.badge = badge("");
    this.link = h("a", { title: id });
    this.short = h("code", { title: id }, shortId(id));
    this.note = h("span", { class: "note" });
    this.gist = h("span", { class: "gist" });
    // A narrow list has no heads of columns.
    [this.delay, this.execution, this.age] = ["waited ", "ran ", ""].map((label) =>
      h("td", { class: "time", "data-label": label }));
    this.element = h("tr", { "data-id": id }, h("td", { class: "status" }, this.badge),
      h("td", { class: "what" }, this.link, h("div", { class: "second" }, this.short, this.note, this.gist)),
      this.delay, this.execution, this.age);
    this.showLink();
  }

  showLink() {
    setAttribute(this.link, "href", hashOf("jobs", this.id));
  }

  mark(selected) {
    setAttribute(this.link, "aria-current", selected === this.id ? "true" : null);
  }

  show(job, clock) {
    this.job = job;
    this.clock = clock;
    setBadge(this.badge, job.status);
    const { input, output, error, progress } = job.gist;
    setText(this.link, input || "(empty)");
    setAttribute(this.link, "aria-label", `Job ${shortId(job.id)}: ${input ?? ""}`);
    const notes = [
      job.attempts > 1 ? `attempt ${job.attempts}` : "",
      job.chunks ? `${number(job.chunks)} ${job.chunks > 1 ? "chunks" : "chunk"}` : "",
    ];
    setText(this.note, notes.filter(Boolean).join(", "));
    this.gist.dataset.kind = error ? "error" : progress ? "progress" : "output";
    const shown = output === "[]" && job.chunks ? "" : output;
    setText(this.gist, error ?? progress ?? (shown ? `→ ${shown}` : ""));
    this.tick();
  }

  tick() {
    const now = performance.now() / 1000 - this.clock;
    const { status, executionTime, submitted, queued, started } = this.job;
    const waits = status === "IN_QUEUE" ? now - queued : started ? started - queued : undefined;
    const runs = status === "IN_PROGRESS" ? (now - started) * 1000 : undefined;
    setText(this.delay, duration(waits === undefined ? undefined : waits * 1000));
    setText(this.execution, duration(executionTime ?? runs));
    setText(this.age, age((now - submitted) * 1000));
  }
}

/** Up and down go from job to job. */
function move(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const to = step && event.target.closest("tr")?.[step]?.querySelector("a");
  if (!to) return;
  event.preventDefault();
  to.focus();
}

/** The counters of the endpoint, and its workers. */

import { arrange, find, h, setText } from "./dom.js";

const COUNTS = [
  ["inQueue", "In queue", "IN_QUEUE"],
  ["inProgress", "In progress", "IN_PROGRESS"],
  ["completed", "Completed", "COMPLETED"],
  ["failed", "Failed", "FAILED"],
  ["retried", "Retried", ""],
];
const SHOWN = 12; // workers that are shown one by one

export class Overview {
  constructor() {
    this.values = new Map();
    for (const [name, label, status] of COUNTS) {
      const value = h("dd", {}, "–");
      this.values.set(name, value);
      find("counts").append(h("div", { "data-status": status }, h("dt", {}, label), value));
    }
    this.workers = new Map();
    this.rest = h("li", { class: "rest" });
  }

  show({ health, workers }) {
    for (const [name, value] of this.values) setText(value, String(health.jobs[name] ?? 0));
    const shown = workers.slice(0, SHOWN);
    const items = shown.map((worker) => this.item(worker));
    for (const id of this.workers.keys()) {
      if (!shown.some((worker) => worker.id === id)) this.workers.delete(id);
    }
    setText(this.rest, workers.length ? `and ${workers.length - shown.length} more` : "none");
    if (workers.length !== shown.length || !workers.length) items.push(this.rest);
    arrange(find("workers"), items);
  }

  item({ id, phase, jobs }) {
    let item = this.workers.get(id);
    if (!item) {
      item = h("li", {}, h("code", {}, id), h("span", { class: "phase" }));
      this.workers.set(id, item);
    }
    item.dataset.phase = phase;
    const said = jobs.length > 1 ? `${phase}, ${jobs.length} jobs` : phase;
    const last = item.lastElementChild;
    const href = jobs.length ? `#/jobs/${encodeURIComponent(jobs[0])}` : null;
    if (last.textContent !== said || last.getAttribute("href") !== href) {
      last.replaceWith(h(href ? "a" : "span", { class: "phase", href }, said));
    }
    return item;
  }
}

/** The endpoint at a glance: its counters, how fast it is, and its workers. */

import { arrange, find, h, number, seconds, setAttribute, setText } from "./dom.js";
import { hashOf } from "./route.js";

const COUNTS = [
  ["inQueue", "In queue", "IN_QUEUE", "now"],
  ["inProgress", "In progress", "IN_PROGRESS", "now"],
  ["completed", "Completed", "COMPLETED", "ever"],
  ["failed", "Failed", "FAILED", "ever"],
  ["retried", "Retried", "", "ever"],
];
const MEANING = {
  now: "Jobs at this moment",
  ever: "Events since the endpoint was started: a job that failed, was retried and failed again counts twice."
    + " The list below has the jobs that are still kept.",
};

export class Overview {
  constructor() {
    this.values = new Map();
    for (const [name, label, status, when] of COUNTS) {
      const value = h("dd", {}, "–");
      this.values.set(name, value);
      if (name === "completed") find("counts").append(h("div", { class: "since", title: MEANING.ever }, h("dt", {}, "since start")));
      find("counts").append(h("div", { "data-status": status, title: MEANING[when] }, h("dt", {}, label), value));
    }
    this.rate = h("dd", {}, "–");
    this.delay = h("dd", {}, "–");
    this.execution = h("dd", {}, "–");
    const last = "Of the jobs that ended in the last 5 minutes: half of them took no longer than the first time, 95 % no longer than the second.";
    for (const [label, value, title] of [
      ["Jobs / min", this.rate, "Jobs that ended in the last minute"],
      ["Delay p50 / p95", this.delay, last],
      ["Run p50 / p95", this.execution, last],
    ]) find("speed").append(h("div", { title }, h("dt", {}, label), value));
    this.cells = new Map();
  }

  show({ health, workers, speed }) {
    for (const [name, value] of this.values) setText(value, number(health.jobs[name] ?? 0));
    const minute = speed.buckets.slice(-Math.round(60 / speed.bucket)).flat();
    setText(this.rate, number(minute.reduce((sum, count) => sum + count, 0)));
    for (const name of ["delay", "execution"]) {
      const { p50, p95 } = speed[name];
      setText(this[name], p50 === null ? "–" : `${seconds(p50)} / ${seconds(p95)}`);
    }
    setAttribute(find("fleet"), "href", hashOf("workers"));
    const phases = new Map();
    for (const { phase } of workers) phases.set(phase, (phases.get(phase) ?? 0) + 1);
    const said = [...phases].map(([phase, count]) => `${count} ${phase}`).join(", ");
    setText(find("fleet-phases"), said || "none");
    const known = new Set(workers.map(({ id }) => id));
    for (const id of this.cells.keys()) if (!known.has(id)) this.cells.delete(id);
    arrange(find("cells"), workers.slice(0, 100).map((worker) => this.cell(worker)));
  }

  cell({ id, phase }) {
    let cell = this.cells.get(id);
    if (!cell) {
      cell = h("i", { title: id });
      this.cells.set(id, cell);
    }
    cell.dataset.phase = phase;
    return cell;
  }
}

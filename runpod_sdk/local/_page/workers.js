/** The workers: what each has run in the last minutes, how fast jobs were, and one worker's log. */

import { arrange, find, h, number, seconds, setAttribute, setText, shortId, statusName, svg } from "./dom.js";
import { LogView } from "./log.js";
import { hashOf } from "./route.js";

export class Workers {
  constructor() {
    this.id = null;
    this.lanes = new Map();
    this.log = new LogView({ jobs: true });
    this.silent = h("p", { class: "empty" }, "It has written nothing yet.");
    this.name = h("code");
    this.phase = h("span", { class: "phase" });
    this.current = h("p", { class: "current" });
    this.hint = h("p", { class: "empty" }, "Choose a worker to read what its handler writes.");
    this.detail = h("div", {}, h("div", { class: "job-head" }, h("h2", {}, this.name), this.phase), this.current, this.log.element, this.silent);
    find("worker").append(h("a", { class: "back", href: "#/workers" }, "All workers"), this.hint, this.detail);
    this.charts = find("charts");
  }

  select(id) {
    if (id === this.id) return false;
    this.id = id;
    this.log.clear();
    this.silent.hidden = false;
    for (const [name, lane] of this.lanes) lane.mark(name === id);
    return true;
  }

  asked() {
    return { worker: this.id, after: this.log.known };
  }

  /** @param visible Whether the view of the workers is shown. */
  show(state, visible) {
    if (!visible) return;
    setText(this.name, this.id ?? "");
    this.hint.hidden = this.id !== null;
    this.detail.hidden = this.id === null;
    const worker = state.workers.find(({ id }) => id === this.id);
    setText(this.phase, worker ? worker.phase : "ended");
    setAttribute(this.phase, "data-phase", worker?.phase ?? "ended");
    const links = (worker?.jobs ?? []).map((id) => h("a", { href: hashOf("jobs", id), title: id }, shortId(id)));
    this.current.replaceChildren(...(links.length ? ["Runs job ", ...links.flatMap((link) => [link, " "])] : []));
    this.log.show(state.log, state.clock);
    this.silent.hidden = !this.log.element.hidden || this.id === null;
    if (!state.lanes) return;
    const rows = state.workers.map((each) => this.lane(each, state));
    const ended = Object.keys(state.lanes).filter((id) => !state.workers.some((each) => each.id === id));
    rows.push(...ended.map((id) => this.lane({ id, phase: "ended", jobs: [] }, state)));
    const shown = new Set([...state.workers.map(({ id }) => id), ...ended]);
    for (const id of this.lanes.keys()) if (!shown.has(id)) this.lanes.delete(id);
    arrange(find("lanes"), rows);
    this.charts.replaceChildren(throughput(state.speed), percentiles("Delay", state.speed.delay), percentiles("Execution", state.speed.execution));
    setText(find("lanes-title"), `Workers, the last ${Math.round(state.speed.window / 60)} minutes`);
    find("no-workers").hidden = shown.size > 0;
  }

  lane(worker, state) {
    let lane = this.lanes.get(worker.id);
    if (!lane) {
      lane = new Lane(worker.id);
      lane.mark(worker.id === this.id);
      this.lanes.set(worker.id, lane);
    }
    lane.show(worker, state.lanes[worker.id] ?? [], state);
    return lane.element;
  }
}

class Lane {
  constructor(id) {
    this.link = h("a", { title: id }, h("code", {}, id.length > 14 ? shortId(id) : id));
    this.phase = h("span", { class: "phase" });
    this.picture = svg("svg", { viewBox: "0 0 1000 16", preserveAspectRatio: "none", role: "img" });
    this.element = h("li", {}, this.link, this.picture, this.phase);
    this.id = id;
  }

  mark(selected) {
    setAttribute(this.link, "aria-current", selected ? "true" : null);
  }

  show({ phase, jobs }, spans, { now, speed: { window } }) {
    setAttribute(this.link, "href", hashOf("workers", this.id));
    this.element.dataset.phase = phase;
    setText(this.phase, jobs.length > 1 ? `${phase}, ${jobs.length} jobs` : phase);
    const x = (at) => Math.max(0, 1000 * (1 - (now - at) / window));
    this.picture.replaceChildren(
      ...[1, 2, 3, 4].map((minute) => svg("rect", { class: "minute", x: x(now - 60 * minute), y: 0, width: 1, height: 16 })),
      ...spans.map((span) => {
        const [from, to] = [x(span.start), x(span.end ?? now)];
        const status = span.outcome || "IN_PROGRESS";
        const said = span.count > 1 ? `${span.count} jobs` : `job ${shortId(span.job_id)}`;
        return svg("a", { href: hashOf("jobs", span.job_id), tabindex: "-1" },
          svg("rect", { "data-status": status, x: from, width: Math.max(to - from, 2), y: 2, height: 12, rx: 1 },
            svg("title", {}, `${said}: ${statusName(status)}, ${seconds((span.end ?? now) - span.start)}`)));
      }));
    const busy = spans.reduce((sum, span) => sum + (span.end ?? now) - Math.max(span.start, now - window), 0);
    this.picture.setAttribute("aria-label", `Busy for ${seconds(busy)} of the last ${Math.round(window / 60)} minutes`);
  }
}

/** The jobs that ended, in bars of some seconds each. */
function throughput({ buckets, bucket, window }) {
  const most = Math.max(1, ...buckets.map(([good, bad]) => good + bad));
  const width = 300 / buckets.length;
  const bars = buckets.flatMap(([good, bad], index) => [["COMPLETED", good, 0], ["FAILED", bad, good]].map(([status, count, below]) =>
    svg("rect", { "data-status": status, x: index * width + 0.5, width: width - 1, y: 48 - (44 * (below + count)) / most, height: (44 * count) / most },
      svg("title", {}, `${number(good)} completed, ${number(bad)} others in ${bucket} s`))));
  const minute = buckets.slice(-Math.round(60 / bucket)).flat().reduce((sum, count) => sum + count, 0);
  const picture = svg("svg", { viewBox: "0 0 300 48", preserveAspectRatio: "none", role: "img", "aria-label": `Jobs that ended, in the last ${Math.round(window / 60)} minutes: ${number(minute)} in the last one` }, bars);
  return h("figure", {}, h("figcaption", {}, "Jobs per minute ", h("b", {}, number(minute))), picture,
    h("p", { class: "axis" }, h("span", {}, `−${Math.round(window / 60)} min`), h("span", {}, `max ${number(most)} in ${bucket} s`), h("span", {}, "now")));
}

/** The median and the 95th percentile, as a bar and the rest of it. */
function percentiles(label, { p50, p95 }) {
  const share = p95 ? p50 / p95 : 0;
  const picture = svg("svg", { viewBox: "0 0 300 48", preserveAspectRatio: "none", role: "img", "aria-label": `${label}: p50 ${seconds(p50)}, p95 ${seconds(p95)}` },
    svg("rect", { class: "p95", x: 0, width: p95 === null ? 0 : 300, y: 14, height: 20 }),
    svg("rect", { class: "p50", x: 0, width: 300 * share, y: 14, height: 20 }));
  return h("figure", {}, h("figcaption", {}, label), picture,
    h("p", { class: "axis" }, h("span", {}, "p50 ", h("b", {}, seconds(p50))), h("span", {}, "p95 ", h("b", {}, seconds(p95)))));
}

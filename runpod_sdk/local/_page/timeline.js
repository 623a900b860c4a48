/** What has happened to a job, and when. */

import { h, seconds, shortId, statusName, svg, timeOfDay } from "./dom.js";
import { hashOf } from "./route.js";

const WIDTH = 1000;

/** The attempts of a job, from its events: who took it, how long it waited and ran, how it went. */
export function attemptsOf(events) {
  const attempts = [];
  let queued = null;
  for (const { kind, at, detail, error } of events) {
    const last = attempts.at(-1);
    if (kind === "submitted" || kind === "retried" || kind === "lost") queued = at;
    if (kind === "taken") attempts.push({ queued, started: at, worker: detail, ended: null, outcome: "IN_PROGRESS" });
    else if (kind === "lost" && last) Object.assign(last, { ended: at, outcome: "LOST" });
    else if (kind === "ended" && last?.ended === null) Object.assign(last, { ended: at, outcome: detail, error });
  }
  return attempts;
}

export class Timeline {
  constructor() {
    this.track = svg("svg", { class: "track", viewBox: `0 0 ${WIDTH} 20`, preserveAspectRatio: "none", role: "img" });
    this.attempts = h("table", { class: "attempts", hidden: true });
    this.list = h("ol", { class: "events" });
    this.element = h("section", { class: "part timeline" }, h("h3", {}, "Timeline"), this.attempts, this.list);
    this.shown = "";
  }

  show({ events, ended }, clock) {
    this.events = events;
    this.ended = ended;
    this.tick(clock);
    const key = JSON.stringify(events);
    if (key === this.shown) return;
    this.shown = key;
    const start = events[0].at;
    this.list.replaceChildren(...events.map((event) => h("li", { "data-kind": event.kind, "data-status": statusOf(event) },
      h("time", { title: timeOfDay(event.at, clock, 3) }, event.at === start ? timeOfDay(event.at, clock) : `+ ${seconds(event.at - start)}`),
      h("span", {}, wording(event), until(event, start)))));
    const attempts = attemptsOf(events);
    this.attempts.hidden = attempts.length < 2;
    this.attempts.replaceChildren(
      h("caption", {}, "Attempts"),
      h("tbody", {}, attempts.map((attempt, index) => h("tr", {},
        h("th", { scope: "row" }, String(index + 1)),
        h("td", {}, h("span", { class: "badge", "data-status": attempt.outcome }, statusName(attempt.outcome))),
        h("td", {}, workerLink(attempt.worker)),
        h("td", {}, `waited ${seconds(attempt.started - attempt.queued)}`),
        h("td", {}, attempt.ended === null ? "runs" : `ran ${seconds(attempt.ended - attempt.started)}`),
        h("td", {}, attempt.error ?? "")))));
  }

  /** Draw what waits and what runs, to scale. */
  tick(clock) {
    if (!this.events) return;
    const now = performance.now() / 1000 - clock;
    const [{ at: start }] = this.events;
    const end = this.ended ?? now;
    const x = (at) => (WIDTH * (at - start)) / Math.max(end - start, 1e-6);
    const span = (from, to, attributes) => svg("rect", { x: x(from), width: Math.max(x(to) - x(from), 2), y: 4, height: 12, ...attributes });
    const attempts = attemptsOf(this.events);
    const parts = attempts.flatMap((attempt) => [
      span(attempt.queued, attempt.started, { class: "waits" }),
      span(attempt.started, attempt.ended ?? now, { class: "runs", "data-status": attempt.outcome }),
    ]);
    const queued = this.events.findLast(({ kind }) => kind === "submitted" || kind === "retried" || kind === "lost");
    const waits = !attempts.some(({ started }) => started >= queued.at);
    if (waits) parts.push(span(queued.at, this.ended ?? now, { class: "waits" }));
    for (const event of this.events) {
      if (event.kind !== "progress" && event.kind !== "chunk") continue;
      for (const at of new Set([event.at, event.until])) parts.push(svg("rect", { class: "mark-of-time", "data-kind": event.kind, x: Math.min(x(at), WIDTH - 3), width: 3, y: 0, height: 20 }));
    }
    this.track.replaceChildren(...parts);
    const text = attempts.map(({ outcome }) => statusName(outcome)).join(", ");
    this.track.setAttribute("aria-label", `Time in the queue and in workers: ${text || "in queue"}`);
  }
}

const statusOf = ({ kind, detail }) => (kind === "ended" ? detail : kind === "lost" ? "FAILED" : null);

const until = ({ count, until: last, at }, start) => (count > 1 && last > at ? `, until + ${seconds(last - start)}` : "");

const workerLink = (worker) => h("a", { href: hashOf("workers", worker) }, h("code", {}, shortId(worker)));

function wording({ kind, detail, count, error }) {
  switch (kind) {
    case "submitted": return "Submitted";
    case "taken": return ["Taken by worker ", workerLink(detail)];
    case "progress": return `${count} ${count > 1 ? "progress reports" : "progress report"}`;
    case "chunk": return `${count} ${count > 1 ? "chunks" : "chunk"}`;
    case "lost": return ["Worker ", workerLink(detail), " was lost: queued again"];
    case "retried": return "Retried: queued again";
    case "ended": return `${statusName(detail)}${error ? `: ${error}` : ""}`;
    default: return `Webhook ${detail === "accepted" ? "accepted" : `not accepted: ${detail}`}`;
  }
}


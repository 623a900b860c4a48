/** What handlers write, line by line as it comes. */

import { arrange, copyButton, h, setText, shortId, timeOfDay } from "./dom.js";
import { hashOf } from "./route.js";

const MOST = 1_000; // lines that are shown

export class LogView {
  /** @param options `jobs`: whether each line says which job has written it. */
  constructor({ jobs = false } = {}) {
    this.jobs = jobs;
    this.lines = h("ol", { class: "lines", tabindex: "0", "aria-label": "Log", role: "log" });
    this.cut = h("p", { class: "cut", hidden: true });
    this.count = h("span", { class: "count" });
    this.element = h("section", { class: "part log", hidden: true },
      h("div", { class: "row" }, h("h3", {}, "Log ", this.count), copyButton(() => this.text(), "Copy log")),
      this.cut, this.lines);
    this.clear();
  }

  clear() {
    this.known = 0;
    this.texts = [];
    arrange(this.lines, []);
    this.element.hidden = true;
  }

  text() {
    return this.texts.join("\n");
  }

  show(log, clock) {
    if (!log) return;
    if (log.after < this.known) this.clear();
    if (!log.lines.length) return;
    const atEnd = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 24;
    this.known = log.after + log.lines.length;
    for (const line of log.lines.slice(-MOST)) {
      this.lines.append(this.line(line, clock));
      this.texts.push(line.text);
    }
    while (this.lines.children.length > MOST) this.lines.firstElementChild.remove();
    this.texts = this.texts.slice(-MOST);
    this.element.hidden = false;
    setText(this.count, String(this.known));
    const dropped = this.known - this.lines.children.length;
    this.cut.hidden = dropped === 0;
    setText(this.cut, `The last ${MOST} lines; ${dropped} older ones are not kept.`);
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }

  line({ at, source, text, job_id: job }, clock) {
    return h("li", { "data-source": source },
      h("time", {}, timeOfDay(at, clock)),
      this.jobs && job ? h("a", { href: hashOf("jobs", job), title: job }, shortId(job)) : null,
      /^[A-Z]+$/.test(source) ? h("b", {}, source) : null,
      h("span", {}, text));
  }
}

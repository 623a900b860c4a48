/** The form that sends a job. */

import { call, operation } from "./api.js";
import { find, h, setText } from "./dom.js";
import { pretty } from "./json.js";
import { snippets } from "./snippets.js";

const FIRST = '{\n  "prompt": "Hello, World!"\n}';
const KEPT = "input"; // where the input is kept while the page is loaded anew

export class NewJob {
  /** @param on `sent(id)` is called with the id of the new job. */
  constructor(on) {
    this.on = on;
    this.form = find("new-job");
    this.input = editor("input", "Input, as JSON", sessionStorage.getItem(KEPT) ?? FIRST);
    this.waits = h("input", { type: "radio", name: "how", value: "runsync" });
    this.policy = {
      executionTimeout: number("executionTimeout", "Execution timeout", "10 min"),
      ttl: number("ttl", "Time to live", "24 h"),
    };
    this.lowPriority = h("input", { type: "checkbox", name: "lowPriority" });
    this.wait = number("wait", "Wait, of /runsync", "90 s");
    this.webhook = h("input", { type: "url", name: "webhook", placeholder: "http://127.0.0.1:9000/", autocomplete: "off" });
    this.button = h("button", { class: "primary", type: "submit" }, "Send");
    this.said = h("p", { class: "problem", role: "alert", hidden: true });
    this.code = snippets(() => this.request(), "Copy as code");
    this.form.append(
      h("a", { class: "back", href: "#/" }, "All jobs"),
      h("h2", {}, "New job"),
      this.input.element,
      h("fieldset", { class: "how" }, h("legend", {}, "How"),
        h("label", {}, h("input", { type: "radio", name: "how", value: "run", checked: true }),
          h("span", {}, h("b", {}, "run"), " answers at once")),
        h("label", {}, this.waits, h("span", {}, h("b", {}, "runsync"), " waits for the result"))),
      h("details", {}, h("summary", {}, "Policy and more"),
        h("div", { class: "fields" }, this.policy.executionTimeout.element, this.policy.ttl.element,
          this.wait.element,
          h("label", { class: "field" }, h("span", {}, "Webhook"), this.webhook),
          h("label", { class: "check" }, this.lowPriority, h("span", {}, "Low priority")))),
      this.said,
      h("div", { class: "row" }, this.button,
        h("button", { type: "button", onclick: () => this.fill(this.input.area.value) }, "Format"),
        h("span", { class: "hint" }, "Ctrl + Enter sends")),
      this.code.element);
    for (const event of ["input", "change"]) this.form.addEventListener(event, () => this.code.update());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    this.input.area.addEventListener("input", () => sessionStorage.setItem(KEPT, this.input.area.value));
  }

  focus() {
    this.input.area.focus();
  }

  /** Put a text into the form, laid out if it is JSON. */
  fill(text) {
    this.input.area.value = this.input.valid(text) ? pretty(text) : text;
    this.input.check();
    this.code.update();
  }

  /** The request that the form would send. */
  request() {
    const query = this.waits.checked && this.wait.box.value ? `?wait=${this.wait.box.value}` : "";
    const path = operation(this.waits.checked ? "runsync" : "run") + query;
    return { method: "POST", path, body: this.body() };
  }

  async send() {
    this.say("");
    if (!this.input.check()) return this.input.area.focus();
    const times = [...Object.values(this.policy), this.wait];
    const wrong = times.filter((field) => !field.check());
    if (wrong.length) return wrong[0].box.focus();
    const { method, path, body } = this.request();
    setText(this.button, this.waits.checked ? "Waiting for the result…" : "Sending…");
    this.button.disabled = true;
    try {
      const job = await call(method, path, { body });
      this.on.sent(job.id);
    } catch (error) {
      this.say(error.message);
    } finally {
      setText(this.button, "Send");
      this.button.disabled = false;
    }
    return undefined;
  }

  /** The body, with the input as it was written: a large number is not rounded on the way. */
  body() {
    const policy = {};
    for (const [name, field] of Object.entries(this.policy)) {
      if (field.box.value) policy[name] = Number(field.box.value);
    }
    if (this.lowPriority.checked) policy.lowPriority = true;
    const more = { ...(Object.keys(policy).length && { policy }), ...(this.webhook.value && { webhook: this.webhook.value }) };
    const rest = JSON.stringify(more).slice(1, -1);
    return `{"input":${this.input.area.value}${rest && `,${rest}`}}`;
  }

  say(text) {
    setText(this.said, text);
    this.said.hidden = !text;
  }
}

/** A field for JSON, which says what is wrong with it. */
export function editor(name, label, text, { optional = false } = {}) {
  const problem = h("p", { class: "problem", id: `${name}-problem`, hidden: true });
  const area = h("textarea", { id: name, rows: 8, spellcheck: "false", autocomplete: "off", "aria-describedby": problem.id });
  area.value = text;
  const fault = (value) => {
    if (optional && !value.trim()) return "";
    try {
      JSON.parse(value);
      return "";
    } catch (error) {
      return value.trim() ? `This is no JSON: ${error.message}` : "There is nothing here; null is JSON too.";
    }
  };
  const check = () => {
    const text = fault(area.value);
    setText(problem, text);
    problem.hidden = !text;
    area.setAttribute("aria-invalid", String(Boolean(text)));
    return !text;
  };
  area.addEventListener("input", () => area.getAttribute("aria-invalid") === "true" && check());
  area.addEventListener("change", check);
  const element = h("div", { class: "field" }, h("label", { for: name }, label), area, problem);
  return { element, area, check, valid: (value) => !fault(value) };
}

/** A field for milliseconds; empty is the endpoint's own. */
function number(name, label, usual) {
  const problem = h("small", { class: "problem", id: `${name}-problem`, hidden: true }, "A whole number of milliseconds");
  const box = h("input", { name, inputmode: "numeric", placeholder: usual, autocomplete: "off", "aria-describedby": problem.id });
  const check = () => {
    const right = /^[0-9]*$/.test(box.value.trim());
    problem.hidden = right;
    box.setAttribute("aria-invalid", String(!right));
    return right;
  };
  box.addEventListener("input", check);
  return { element: h("label", { class: "field" }, h("span", {}, label, h("small", {}, " ms")), box, problem), box, check };
}

/** The API, from its OpenAPI document: what it takes and gives, and a form to try it here. */

import { send, session } from "./api.js";
import { h, setText } from "./dom.js";
import { block, coloured } from "./json.js";
import { editor } from "./new.js";
import { hashOf } from "./route.js";
import { snippets } from "./snippets.js";

const VERBS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 6; // levels of a schema; deeper ones would be a schema that holds itself

export class Reference {
  constructor(element) {
    this.element = element;
    this.sections = new Map();
    this.jobFields = [];
    this.endpointFields = [];
    this.nav = new Map();
    this.ready = null;
  }

  /** Show it, from the operation of that id on. */
  async show(id) {
    this.ready ??= this.load();
    try {
      await this.ready;
    } catch (error) {
      this.ready = null;
      this.element.replaceChildren(h("p", { class: "notice" }, `The contract cannot be read: ${error.message}`));
      return;
    }
    const section = this.sections.get(id);
    if (section) section.scrollIntoView({ block: "start" });
    else window.scrollTo(0, 0);
  }

  setSession({ endpointId }) {
    for (const field of this.endpointFields) field.value = endpointId;
  }

  /** Put the id of a job into the forms whose owner has written nothing there. */
  suggest(id) {
    this.suggested = id ?? "";
    for (const field of this.jobFields) {
      if (!field.dataset.written && document.activeElement !== field) field.value = this.suggested;
    }
  }

  async load() {
    const response = await fetch("/contract.json");
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    this.document = await response.json();
    const { info, tags, paths, webhooks } = this.document;
    const parts = [...operations(paths, ""), ...operations(webhooks ?? {}, "webhook")];
    const menu = h("nav", { class: "contents", "aria-label": "Operations" });
    const body = h("div", { class: "operations" },
      h("section", { class: "about" }, h("h1", {}, info.title), h("p", { class: "lead" }, info.summary), prose(info)));
    for (const tag of tags) {
      const group = parts.filter((part) => part.group === tag.name);
      if (!group.length) continue;
      body.append(h("section", { class: "group" }, h("h2", {}, capital(tag.name)), prose(tag)));
      const items = h("ul");
      for (const part of group) {
        const link = h("a", { href: hashOf("reference", part.id) }, verb(part.verb), h("span", {}, part.summary));
        this.nav.set(part.id, link);
        items.append(h("li", {}, link));
        const section = this.operation(part);
        this.sections.set(part.id, section);
        body.append(section);
      }
      menu.append(h("h2", {}, capital(tag.name)), items);
    }
    const small = h("details", { class: "contents-small" }, h("summary", {}, "Operations"), menu.cloneNode(true));
    small.addEventListener("click", (event) => event.target.closest("a") && (small.open = false));
    this.element.replaceChildren(menu, small, body);
    if (session) this.setSession(session);
    this.suggest(this.suggested);
    this.follow();
  }

  /** Mark in the menu what is being read. */
  follow() {
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const link = this.nav.get(entry.target.dataset.id);
        if (entry.isIntersecting) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-30% 0px -65% 0px" });
    for (const section of this.sections.values()) observer.observe(section);
  }

  operation(part) {
    const { source } = part;
    const parameters = (source.parameters ?? []).map((item) => this.resolve(item));
    const request = source.requestBody && this.resolve(source.requestBody);
    const section = h("section", { class: "operation", "data-id": part.id },
      h("div", { class: "words" },
        h("h3", {}, h("a", { href: hashOf("reference", part.id) }, part.summary)),
        h("p", { class: "path" }, verb(part.verb), h("code", {}, part.path)),
        prose(source),
        parameters.length ? [h("h4", {}, "Parameters"), h("ul", { class: "members" }, parameters.map((item) =>
          this.member(item.name, item.schema ?? {}, item, item.required, `in ${item.in}`, 0)))] : [],
        request ? [h("h4", {}, "Body"), prose(request), this.content(request)] : [],
        h("h4", {}, "Answers"), Object.entries(source.responses).map(([status, answer]) => this.answer(status, this.resolve(answer)))));
    section.append(h("div", { class: "code" },
      part.kind === "webhook" ? this.samples("Example", request) : this.tryIt(part, parameters, request)));
    return section;
  }

  answer(status, answer) {
    const good = status.startsWith("2");
    return h("details", { class: "answer", open: good },
      h("summary", {}, h("span", { class: "http", "data-class": status[0] }, status), " ", h("span", {}, plain(answer.description))),
      prose(answer), answer.content ? [this.content(answer), this.samples("Example", answer)] : []);
  }

  content({ content }) {
    const { schema = {} } = Object.values(content)[0];
    return this.schema(schema, 0) ?? h("p", { class: "type" }, this.type(schema));
  }

  /** The members of a schema, if it has any. */
  schema(source, depth) {
    const schema = this.resolve(source);
    if (depth > DEEPEST) return null;
    if (schema.properties) {
      const needed = new Set(schema.required ?? []);
      return h("ul", { class: "members" }, Object.entries(schema.properties).map(([name, member]) =>
        this.member(name, member, member, needed.has(name), "", depth)));
    }
    if (schema.items) return this.schema(schema.items, depth + 1);
    const inner = (schema.anyOf ?? schema.oneOf ?? []).map((item) => this.schema(item, depth + 1)).filter(Boolean);
    return inner.length ? h("div", {}, inner) : null;
  }

  member(name, source, described, required, where, depth) {
    const schema = this.resolve(source);
    const inner = this.schema(source, depth + 1);
    const limits = [
      schema.minimum !== undefined || schema.maximum !== undefined
        ? `${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}` : null,
      schema.format,
    ].filter(Boolean);
    return h("li", {},
      h("p", { class: "name" }, h("code", {}, name), h("span", { class: "type" }, this.type(source)),
        limits.map((limit) => h("span", { class: "type" }, limit)),
        where ? h("span", { class: "type" }, where) : null, required ? h("span", { class: "required" }, "required") : null),
      prose(described.description ? described : schema),
      this.values(source),
      inner ? h("details", {}, h("summary", {}, "Its members"), inner) : null);
  }

  values(source) {
    const found = this.options(source).flatMap((option) => option.enum ?? []);
    return found.length ? h("p", { class: "values" }, found.map((value) => h("code", {}, String(value)))) : null;
  }

  options(source) {
    const schema = this.resolve(source);
    const inner = schema.anyOf ?? schema.oneOf;
    return inner ? inner.flatMap((item) => this.options(item)) : [schema];
  }

  type(source) {
    const names = this.options(source).map((schema) => {
      if (schema.items) return `array of ${this.type(schema.items)}`;
      if (Array.isArray(schema.type)) return schema.type.join(" or ");
      return schema.type ?? (schema.properties ? "object" : "any JSON");
    });
    return [...new Set(names)].join(" or ");
  }

  examples(source) {
    const media = source?.content && Object.values(source.content)[0];
    return Object.entries(media?.examples ?? {}).map(([name, item]) => {
      const { summary, value } = this.resolve(item);
      return { name: name.replaceAll("_", " "), summary, text: JSON.stringify(value) };
    });
  }

  /** The examples of a body, one of them shown. */
  samples(title, source) {
    const examples = this.examples(source);
    if (!examples.length) return null;
    const shown = h("div");
    const show = (index) => shown.replaceChildren(
      ...(examples[index].summary ? [h("p", { class: "caption" }, examples[index].summary)] : []),
      block("Example", coloured(examples[index].text), { value: true }));
    show(0);
    const choice = h("select", { "aria-label": title, onchange: (event) => show(event.target.value) },
      examples.map((example, index) => h("option", { value: String(index) }, example.name)));
    return h("div", { class: "samples" }, h("div", { class: "row" }, h("h4", {}, title), choice), shown);
  }

  /** The form that sends the request to this endpoint. */
  tryIt(part, parameters, request) {
    const fields = parameters.map((item) => this.field(part, item));
    const examples = this.examples(request);
    const body = request && editor(`body-${part.id}`, "Body", "");
    const choose = (index) => {
      body.area.value = JSON.stringify(JSON.parse(examples[index].text), null, 2);
      body.check();
    };
    if (body && examples.length) choose(0);
    const result = h("div", { class: "result", "aria-live": "polite" });
    const button = h("button", { class: "primary", type: "submit" }, "Send");
    const method = part.verb.toUpperCase();

    const path = () => {
      const values = new Map(fields.map(({ item, box }) => [item, box.value.trim()]));
      let text = `/${session.root}${part.path}`;
      const query = new URLSearchParams();
      for (const [item, value] of values) {
        if (item.in === "path") text = text.replace(`{${item.name}}`, encodeURIComponent(value));
        else if (value) query.set(item.name, value);
      }
      return query.size ? `${text}?${query}` : text;
    };
    const code = snippets(() => ({ method, path: path(), body: body?.area.value }));
    const form = h("form", { class: "try", novalidate: true }, h("h4", {}, "Try it"),
      fields.map(({ element }) => element),
      body ? [
        examples.length > 1 ? h("label", { class: "field" }, h("span", {}, "Example"),
          h("select", { onchange: (event) => choose(event.target.value) },
            examples.map((example, index) => h("option", { value: String(index) }, example.name)))) : null,
        body.element] : [],
      h("div", { class: "row" }, button), code.element, result);
    form.addEventListener("input", () => code.update());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const empty = fields.find(({ item, box }) => item.required && !box.value.trim());
      if (empty) {
        empty.box.setAttribute("aria-invalid", "true");
        empty.box.focus();
        result.replaceChildren(h("p", { class: "problem" }, `${empty.item.name} is missing`));
        return;
      }
      button.disabled = true;
      setText(button, "Waiting…");
      try {
        show(result, await send(method, path(), { body: body?.area.value }));
      } catch (error) {
        result.replaceChildren(h("p", { class: "problem" }, `No answer: ${error.message}`));
      }
      setText(button, "Send");
      button.disabled = false;
    });
    return form;
  }

  field(part, item) {
    const box = h("input", { name: item.name, autocomplete: "off", spellcheck: "false",
      inputmode: this.type(item.schema ?? {}).includes("integer") ? "numeric" : null,
      placeholder: item.required ? String(item.example ?? "") : "optional" });
    box.addEventListener("input", () => {
      box.dataset.written = box.value ? "yes" : "";
      box.removeAttribute("aria-invalid");
    });
    if (item.name === "endpoint_id") this.endpointFields.push(box);
    if (item.name === "job_id") this.jobFields.push(box);
    const element = h("label", { class: "field" }, h("span", {}, item.name, h("small", {}, ` ${item.in}`)), box);
    return { item, box, element };
  }

  resolve(source) {
    let found = source;
    for (let steps = 0; found.$ref && steps < 10; steps += 1) {
      const { $ref, ...beside } = found;
      const target = $ref.slice(2).split("/").reduce((node, key) => node[key.replaceAll("~1", "/").replaceAll("~0", "~")], this.document);
      found = { ...target, ...beside };
    }
    return found;
  }
}

function operations(paths, kind) {
  return Object.entries(paths).flatMap(([path, item]) => VERBS.filter((name) => item[name]).map((name) => ({
    path: kind ? "the URL of the job's webhook" : path, verb: name, kind, source: item[name], id: item[name].operationId,
    summary: item[name].summary, group: item[name].tags[0],
  })));
}

function show(result, answer) {
  let body = h("code", {}, answer.text);
  try {
    JSON.parse(answer.text);
    body = coloured(answer.text);
  } catch {
    // Not JSON: shown as it came.
  }
  result.replaceChildren(
    h("p", { class: "outcome" }, h("span", { class: "http", "data-class": String(answer.status)[0] }, String(answer.status)),
      ` ${answer.statusText} in ${Math.round(answer.ms)} ms`),
    answer.text ? block("Answer", body, { value: true }) : "");
}

const verb = (name) => h("span", { class: "verb", "data-verb": name }, name.toUpperCase());
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const plain = (text) => text.split(/[.:;](\s|$)/)[0].replaceAll("`", "");

/** A description: paragraphs, lists and `code`; then how sure it is, by its evidence. */
function prose({ description, "x-evidence": evidence = [] }) {
  if (!description) return null;
  const blocks = description.trim().split(/\n\s*\n/).map((paragraph) => {
    if (!/^- /.test(paragraph)) return h("p", {}, inline(paragraph));
    return h("ul", {}, paragraph.split(/\n(?=- )/).map((item) => h("li", {}, inline(item.slice(2)))));
  });
  if (evidence.length) blocks.at(-1).append(...evidence.flatMap((entry) => [" ", mark(entry)]));
  return h("div", { class: "prose" }, blocks);
}

function inline(text) {
  return text.split(/(`[^`]+`)/).map((piece) =>
    piece.startsWith("`") && piece.length > 1 ? h("code", {}, piece.slice(1, -1)) : piece);
}

const mark = ({ mark: name, sources = [], of = "" }) =>
  h("span", { class: "mark", "data-mark": name, title: [of, sources.join(", ")].filter(Boolean).join("; ") }, name);

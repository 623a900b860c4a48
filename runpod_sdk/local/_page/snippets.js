/** Requests as code to copy: for a shell, Python, JavaScript and the command line. */

import { session } from "./api.js";
import { h, setText } from "./dom.js";
import { block, layOut, pretty, TOKEN } from "./json.js";

const KEPT = "language"; // where the choice is kept while the page is loaded anew

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The methods of the client and the commands of the command line, by operation. */
const METHODS = {
  run: ["run", "job", "print(job.output())"],
  runsync: ["run_sync", "state", "print(state.output)"],
  status: ["status", "state", "print(state.status, state.output)"],
  "status-sync": ["wait", "state", "print(state.status, state.output)"],
  stream: ["stream", "chunks", "for chunk in chunks:\n        print(chunk.output)"],
  cancel: ["cancel", "state", "print(state.status)"],
  retry: ["retry", "state", "print(state.status)"],
  "purge-queue": ["purge_queue", "result", "print(result.removed)"],
  health: ["health", "health", "print(health.jobs, health.workers)"],
};

const LANGUAGES = { curl, Python: python, JavaScript: javascript, "Command line": commandLine };

/** A request: `path` is that of the server, `body` a JSON text. */
function curl({ method, path, body }) {
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}${quoted(location.origin + path)}`];
  lines.push(`  -H "Authorization: Bearer $RUNPOD_API_KEY"`);
  if (body !== undefined) lines.push("  -H 'Content-Type: application/json'", `  -d ${quoted(body)}`);
  return lines.join(" \\\n");
}

function python({ path, body }) {
  const { endpoint, operation, job } = parts(path);
  const [method, name, then] = METHODS[operation] ?? [];
  if (!method) return null;
  const only = body === undefined ? null : inputOnly(body);
  const argument = only !== null ? `input=${literal(only)}` : body !== undefined ? literal(body) : job ? JSON.stringify(job) : "";
  return `from runpod_sdk import Runpod

with Runpod(base_url="${location.origin}/${session.root}") as client:  # the key is in RUNPOD_API_KEY
    endpoint = client.endpoint(${JSON.stringify(endpoint)})
    ${name} = endpoint.${method}(${argument.replaceAll("\n", "\n    ")})
    ${then}`;
}

function javascript({ method, path, body }) {
  const lines = [`  method: "${method}",`];
  lines.push(`  headers: { authorization: \`Bearer \${process.env.RUNPOD_API_KEY}\`${body === undefined ? "" : `, "content-type": "application/json"`} },`);
  if (body !== undefined) {
    // A number that JavaScript can't hold stays text.
    const given = exact(body) ? `JSON.stringify(${pretty(body).replaceAll("\n", "\n  ")})` : JSON.stringify(body);
    lines.push(`  body: ${given},`);
  }
  return `const response = await fetch("${location.origin}${path}", {
${lines.join("\n")}
});
if (!response.ok) throw new Error(\`HTTP \${response.status}\`);
console.log(await response.json());`;
}

function commandLine({ path, body }) {
  const { endpoint, operation, job } = parts(path);
  const [method] = METHODS[operation] ?? [];
  if (!method) return null;
  const words = [`RUNPOD_ENDPOINT_BASE_URL=${location.origin}/${session.root}`, `runpod-sdk ${method.replaceAll("_", "-")}`];
  if (job) words.push(quoted(job));
  words.push(`--endpoint ${quoted(endpoint)}`);
  if (body !== undefined) {
    const { input, webhook, policy = {}, ...others } = JSON.parse(body);
    if (input === undefined || Object.keys(others).length) return null;
    words.push(`--input ${quoted(memberText(body, "input"))}`);
    if (webhook) words.push(`--webhook ${quoted(webhook)}`);
    if (policy.executionTimeout) words.push(`--execution-timeout ${policy.executionTimeout / 1000}`);
    if (policy.ttl) words.push(`--ttl ${policy.ttl / 1000}`);
    if (policy.lowPriority) words.push("--low-priority");
  }
  return words.join(" \\\n  ").replace(" \\\n  ", " ");
}

/** Read the path of an operation of the API. */
function parts(path) {
  const [, , endpoint, operation, job] = path.split("?")[0].split("/").map(decodeURIComponent);
  return { endpoint, operation, job };
}

/** The text of the input, if the body has nothing else; else null. */
function inputOnly(body) {
  const value = JSON.parse(body);
  const keys = value !== null && typeof value === "object" ? Object.keys(value) : [];
  return keys.length === 1 && keys[0] === "input" ? memberText(body, "input") : null;
}

/** The text of a member of an object, as it is written there. */
function memberText(body, name) {
  let [depth, key, start] = [0, null, null];
  for (const { 0: token, index } of body.matchAll(TOKEN)) {
    if (depth === 1 && start === null && token[0] === '"') key = JSON.parse(token);
    else if (depth === 1 && token === ":") start = index + 1;
    else if (depth === 1 && (token === "," || token === "}")) {
      if (key === name) return body.slice(start, index).trim();
      start = null;
    }
    if (token === "{" || token === "[") depth += 1;
    if (token === "}" || token === "]") depth -= 1;
  }
  return "null";
}

/** JSON as an expression of Python. */
function literal(text) {
  const words = { true: "True", false: "False", null: "None" };
  return layOut(text).map(([piece, kind]) =>
    kind === "word" ? words[piece] : kind === "string" || kind === "key" ? JSON.stringify(JSON.parse(piece)) : piece).join("");
}

const exact = (text) => layOut(text).every(([piece, kind]) => kind !== "number" || !/^-?\d+$/.test(piece) || Number.isSafeInteger(Number(piece)));

/**
 * A request as code, in the language that was chosen last.
 *
 * @param make Gives the request, also later; called when the code is opened, and by `update`.
 */
export function snippets(make, label = "Copy as code") {
  const code = h("code");
  const note = h("p", { class: "hint", hidden: true });
  const shown = block("Code", code);
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Language" }, Object.keys(LANGUAGES).map((name) =>
    h("button", { type: "button", class: "quiet", onclick: () => choose(name) }, name)));
  const element = h("details", { class: "snippets", ontoggle: () => element.open && update() }, h("summary", {}, label), tabs, note, shown);
  const choose = (name) => {
    sessionStorage.setItem(KEPT, name);
    update();
  };
  async function update() {
    if (!element.open) return;
    const chosen = sessionStorage.getItem(KEPT);
    const language = chosen in LANGUAGES ? chosen : "curl";
    for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.textContent === language));
    let text = null;
    let problem = "This operation has no such form; curl and JavaScript can send it.";
    try {
      text = LANGUAGES[language](await make());
    } catch (error) {
      problem = error instanceof SyntaxError ? `The body is no JSON: ${error.message}` : error.message;
    }
    setText(code, text ?? "");
    shown.hidden = text === null;
    setText(note, problem);
    note.hidden = text !== null;
  }
  return { element, update };
}


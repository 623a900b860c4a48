/**
 * JSON as people read it.
 *
 * It is the text that is laid out, never a parsed value: numbers stay as they were sent, and
 * the beginning of a text that was cut is laid out too.
 */

import { copyButton, h, save } from "./dom.js";

export const TOKEN = /"(?:\\[^]|[^"\\])*"?|[{}[\],:]|[^\s{}[\],:"]+/g;
const OPEN = new Set(["{", "["]);
const CLOSE = new Set(["}", "]"]);
const SHORT = 64; // characters up to which a list or an object stays on one line
const WIDE = 56; // characters of a line that a long list of plain values fills
const FOLDED = 24; // lines that are shown of a long text
const COLOURED = 300_000; // characters up to which a text is coloured

const kind = (token, isKey) =>
  isKey ? "key" : token[0] === '"' ? "string" : /^-?\d/.test(token) ? "number" : /^[tfn]/.test(token) ? "word" : "";

/** How what opens at `at` is laid out: on one line, a line for each member, or lines that are filled. */
function layoutOf(tokens, at) {
  let length = 0;
  for (let index = at + 1; index < tokens.length; index += 1) {
    if (OPEN.has(tokens[index])) return "lines";
    if (length > SHORT && tokens[at] === "{") return "lines";
    if (CLOSE.has(tokens[index])) return length > SHORT ? "filled" : "one";
    length += tokens[index].length + 1;
  }
  return tokens[at] === "[" && length > SHORT ? "filled" : "lines";
}

/** Lay a text out: give pieces, each a text and what it is. */
export function layOut(text) {
  const tokens = text.match(TOKEN) ?? [];
  const pieces = [];
  const open = []; // the layouts of what is open
  let length = 0; // of a line that is being filled
  const newLine = () => {
    length = 0;
    pieces.push([`\n${"  ".repeat(open.filter((layout) => layout !== "one").length)}`, ""]);
  };
  tokens.forEach((token, index) => {
    length += token.length + 1;
    if (OPEN.has(token)) {
      pieces.push([token, ""]);
      open.push(layoutOf(tokens, index));
      if (open.at(-1) !== "one") newLine();
    } else if (CLOSE.has(token)) {
      if ((open.pop() ?? "one") !== "one") newLine();
      pieces.push([token, ""]);
    } else if (token === ",") {
      const breaks = open.at(-1) === "lines" || (open.at(-1) === "filled" && length > WIDE);
      pieces.push([breaks ? "," : ", ", ""]);
      if (breaks) newLine();
    } else if (token === ":") {
      pieces.push([": ", ""]);
    } else {
      pieces.push([token, kind(token, tokens[index + 1] === ":")]);
    }
  });
  return pieces;
}

export const pretty = (text) => layOut(text).map(([piece]) => piece).join("");

export function coloured(text) {
  const code = h("code");
  if (text.length > COLOURED) code.append(text);
  else for (const [piece, what] of layOut(text)) code.append(what ? h("span", { class: what }, piece) : piece);
  return code;
}

/**
 * A block of text: foldable, to be copied, and loaded whole where it was cut.
 *
 * @param label What it is, for those who do not see it.
 * @param code The element that holds the text.
 * @param value Whether it is JSON.
 * @param whole Fetches the whole text, if this is only its beginning.
 */
export function block(label, code, { copied, name, whole, value = false } = {}) {
  const lines = code.textContent.split("\n").length;
  // Values may go over several lines; what people wrote has the lines that they gave it.
  const pre = h("pre", { tabindex: "0", role: "region", "aria-label": label, class: value ? null : "as-written" }, code);
  const tools = h("div", { class: "block-tools" });
  const element = h("div", { class: "block" }, pre, tools);
  if (lines > FOLDED) {
    const fold = h("button", { type: "button", class: "quiet", onclick: () => setFolded(!element.classList.contains("folded")) });
    const setFolded = (folded) => {
      element.classList.toggle("folded", folded);
      fold.textContent = folded ? `Show all ${lines} lines` : "Fold";
      fold.setAttribute("aria-expanded", String(!folded));
    };
    setFolded(true);
    tools.append(fold);
  }
  if (whole) {
    const show = async (button) => {
      button.disabled = true;
      try {
        const text = await whole();
        if (text.length > COLOURED) save(new Blob([text], { type: "application/json" }), name);
        else element.replaceWith(block(label, coloured(text), { copied: text, value: true }));
      } catch (error) {
        button.textContent = error.message;
      }
    };
    tools.append(h("span", { class: "cut" }, "Only the beginning is shown"),
      h("button", { type: "button", class: "quiet", onclick: (event) => show(event.target) }, "Load all of it"));
  } else {
    element.append(copyButton(copied ?? (() => code.textContent)));
  }
  return element;
}

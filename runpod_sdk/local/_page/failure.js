/**
 * The error of a job, in parts that the server has taken apart: the message first, then the last
 * frame of the handler, then the traceback, without the frames around the handler.
 */

import { copyButton, h } from "./dom.js";
import { block, coloured } from "./json.js";

/** Show a failure; `raw` is the error as the worker sent it, as JSON. */
export function failure({ type, message, frame, folded, traceback }, raw) {
  return [
    h("p", { class: "message" }, type ? [h("strong", {}, type), message ? " " : ""] : null, message ?? ""),
    frame ? h("div", { class: "frame" }, block("Last frame of the handler", code(frame))) : null,
    traceback ? tracebackOf(folded, traceback) : null,
    h("details", { class: "raw" }, h("summary", {}, "As it was sent"),
      block("The error as it was sent", coloured(raw.text), { value: true, ...raw.options })),
  ].filter(Boolean);
}

function tracebackOf(folded, traceback) {
  const shown = h("div", {}, block("Traceback", code(folded)));
  const isFolded = folded.trim() !== traceback.trim();
  const all = h("button", { type: "button", class: "quiet", hidden: !isFolded, "aria-pressed": "false" }, "All frames");
  all.addEventListener("click", () => {
    const whole = all.getAttribute("aria-pressed") === "false";
    all.setAttribute("aria-pressed", String(whole));
    shown.replaceChildren(block("Traceback", code(whole ? traceback : folded)));
  });
  return h("details", { class: "traceback" }, h("summary", {}, "Traceback"),
    h("div", { class: "row" }, copyButton(traceback, "Copy traceback"), all), shown);
}

/** A traceback, with the lines of code told from the places and the exception. */
function code(text) {
  return h("code", {}, text.split("\n").map((line, index) => {
    const what = /^ {2}File /.test(line) ? "place" : /^ {2}… /.test(line) ? "hidden-frames" : /^\s|^Traceback/.test(line) ? null : "raised";
    return [index ? "\n" : "", what ? h("span", { class: what }, line) : line];
  }));
}

/**
 * Make elements, and find them.
 *
 * Children become text or are elements already: nothing that a job brings is read as markup.
 */

export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Make an element of a picture; its attributes are texts and numbers. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  const drawn = element instanceof SVGElement;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (!drawn && key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const find = (id) => document.getElementById(id);

/** Set a text only where it changes, so that what is selected there stays selected. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Show the elements of `wanted`, in that order, and no others; those that stay are not touched. */
export function arrange(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}

/** A button that copies a text; the text may be a function that gives it, also later. */
export function copyButton(text, label = "Copy") {
  const button = h("button", { type: "button", class: "quiet copy", onclick: copy }, label);
  async function copy() {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(await (typeof text === "function" ? text() : text));
    } catch {
      said = "Not allowed";
    }
    button.textContent = said;
    setTimeout(() => (button.textContent = label), 1200);
  }
  return button;
}

/** Offer bytes or a text as a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Milliseconds, as people say them. */
export function duration(ms) {
  if (ms === undefined || ms === null) return "–";
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** Seconds, if there are any, as people say them. */
export const seconds = (s) => duration(s === null || s === undefined ? null : s * 1000);

/** How long ago: in whole seconds, rounded up, so that nothing in it took longer. */
export function age(ms) {
  if (ms < 1000) return "now";
  return ms < 59_000 ? `${Math.ceil(ms / 1000)} s` : duration(ms + 1000);
}

export const number = (value) => value.toLocaleString("en");

/** The time of day of `at`, by the clock of the queue that is `clock` behind the browser's. */
export function timeOfDay(at, clock, digits = 0) {
  const date = new Date(Date.now() - (performance.now() / 1000 - clock - at) * 1000);
  const text = date.toLocaleTimeString("en-GB");
  return digits ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** The beginning of an id, where the rest only makes it unique. */
export const shortId = (id) => id.replace(/^((?:sync-)?[0-9a-f]{8})-[0-9a-f-]{27}(?:-\w+)?$/, "$1");

export const statusName = (status) =>
  ({ IN_QUEUE: "In queue", IN_PROGRESS: "In progress", COMPLETED: "Completed", FAILED: "Failed",
     CANCELLED: "Cancelled", TIMED_OUT: "Timed out", LOST: "Lost", EXPIRED: "Expired" })[status] ?? status;

export function badge(status) {
  return setBadge(h("span", { class: "badge" }), status);
}

export function setBadge(element, status) {
  element.dataset.status = status;
  setText(element, statusName(status));
  return element;
}

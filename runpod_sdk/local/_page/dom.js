/**
 * Make elements, and find them.
 *
 * Children become text or are elements already: nothing that a job brings is read as markup.
 */

export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && typeof value !== "string") element[key] = value;
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

export function copyButton(text, label = "Copy") {
  const button = h("button", { type: "button", class: "quiet copy", onclick: copy }, label);
  async function copy() {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
    } catch {
      said = "Not allowed";
    }
    button.textContent = said;
    setTimeout(() => (button.textContent = label), 1200);
  }
  return button;
}

/** Milliseconds, as people say them. */
export function duration(ms) {
  if (ms === undefined || ms === null) return "–";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** How long ago; the seconds do not count once there are minutes. */
export function age(ms) {
  if (ms < 1500) return "now";
  return duration(ms).replace(/(min|h|d) .*$/, "$1").replace(/\.\d/, "");
}

export const statusName = (status) =>
  ({ IN_QUEUE: "In queue", IN_PROGRESS: "In progress", COMPLETED: "Completed", FAILED: "Failed",
     CANCELLED: "Cancelled", TIMED_OUT: "Timed out" })[status] ?? status;

export function badge(status) {
  return setBadge(h("span", { class: "badge" }), status);
}

export function setBadge(element, status) {
  element.dataset.status = status;
  setText(element, statusName(status));
  return element;
}

/**
 * The hash of the page's URL: which part is shown, and how the list of jobs is filtered.
 *
 *     #/jobs/ID?status=FAILED&text=fox&endpoint=ID
 */

const PARTS = new Set(["jobs", "workers", "new", "reference"]);

/** What the list is filtered by, and the endpoint if it is not the first one. */
export const filter = { status: "", text: "", endpoint: "" };

/** Read the hash: the part, the name after it, and the filter. */
export function readRoute() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [part, name] = path.split("/").map(decode);
  const values = new URLSearchParams(query);
  for (const key of Object.keys(filter)) filter[key] = values.get(key) ?? "";
  return { part: PARTS.has(part) ? part : "", name: name || null };
}

/** The hash of a part, with the filter as it is. */
export function hashOf(part = "", name = "") {
  const path = ["#", part, name && encodeURIComponent(name)].filter(Boolean).join("/");
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  return `${path === "#" ? "#/" : path}${query.size ? `?${query}` : ""}`;
}

/** Go to a part of the page. */
export function go(part, name) {
  const hash = hashOf(part, name);
  if (location.hash === hash) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}

/** Keep the filter in the URL, without an entry in the history. */
export function keepFilter() {
  const [part, name] = location.hash.replace(/^#\/?/, "").split("?")[0].split("/").map(decode);
  history.replaceState(history.state, "", hashOf(part, name));
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

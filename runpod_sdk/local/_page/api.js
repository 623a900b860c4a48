/** Requests to the endpoint that has served this page; none ever goes anywhere else. */

/** The endpoint that is shown, all endpoints of the server, and the page's key. */
export let session = null;

/** Ask the server who it is; a new one on the same port has another key. */
export async function openSession() {
  const response = await fetch("/session");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const before = session?.endpointId;
  session = await response.json();
  if (session.endpointIds.includes(before)) session.endpointId = before;
  return session;
}

/** Show another endpoint of the server. */
export function chooseEndpoint(id) {
  session.endpointId = id;
  return session;
}

/** The path of an operation of the API, its segments escaped. */
export const operation = (...segments) =>
  ["", session.root, session.endpointId, ...segments].map(encodeURIComponent).join("/");

/** The path of what the page is told of the chosen endpoint. */
export const local = (...segments) =>
  `${["", "local", ...segments].map(encodeURIComponent).join("/")}?endpoint=${encodeURIComponent(session.endpointId)}`;

/** The server said no; `detail` is its reason. */
export class Refused extends Error {
  constructor(answer) {
    let detail = answer.text.slice(0, 500);
    try {
      detail = JSON.parse(answer.text).detail ?? detail;
    } catch {
      // Not JSON: the text as it is.
    }
    super(`${answer.status} ${answer.statusText}: ${detail}`);
    this.status = answer.status;
    this.detail = detail;
  }
}

/** Send a request and give the answer, whatever its status; its body as a text, or as a `blob`. */
export async function send(method, path, { body, signal, blob = false, anew = true } = {}) {
  const start = performance.now();
  const headers = { authorization: `Bearer ${session.key}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, body, signal });
  const content = await (blob ? response.blob() : response.text());
  if (response.status === 401 && anew) {
    const before = session.key;
    await openSession();
    if (session.key !== before) return send(method, path, { body, signal, blob, anew: false });
  }
  const { status, statusText } = response;
  return { status, statusText, [blob ? "blob" : "text"]: content, ms: performance.now() - start };
}

/** Send a request that is to succeed, and give its document. */
export async function call(method, path, options) {
  const answer = await send(method, path, options);
  if (answer.status !== 200) throw new Refused(answer);
  return JSON.parse(answer.text);
}

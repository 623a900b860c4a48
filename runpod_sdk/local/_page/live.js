/** The state of the endpoint, as it changes: one request is held by the server until there is news. */

import { call, local, openSession, session } from "./api.js";

const HELD = 20_000; // ms that the server may hold a request
const AGAIN = 1_000; // ms before a server that is gone is looked for again

export class Live {
  /**
   * @param ask Gives the query of what to show; members that are empty are left out.
   * @param on `state(state)`, `session(session)` and `gone()` are called as it goes.
   * @param pace Gives the ms between two looks, so that a busy queue does not keep the browser busy.
   */
  constructor(ask, on, pace) {
    this.pace = pace;
    this.ask = ask;
    this.on = on;
    this.version = "";
    this.held = null;
    this.told = null;
  }

  /** Ask anew, at once: something else is to be shown, or something was done. */
  refresh() {
    this.version = "";
    this.held?.abort();
  }

  /** A server that was started again has another session. */
  tellSession() {
    if (session === this.told) return;
    this.told = session;
    this.on.session(session);
  }

  async run() {
    for (;;) {
      await visible();
      this.held = new AbortController();
      try {
        if (session === null) await openSession();
        this.tellSession();
        const query = new URLSearchParams({ wait: HELD, since: this.version });
        for (const [name, value] of Object.entries(this.ask())) if (value) query.set(name, value);
        const state = await call("GET", `${local("state")}&${query}`, { signal: this.held.signal });
        this.tellSession();
        if (this.held.signal.aborted) continue;
        this.version = state.version;
        this.on.state(state);
        await pause(this.pace());
      } catch (error) {
        if (error.name === "AbortError") continue;
        this.version = "";
        this.on.gone(error);
        await pause(AGAIN);
      }
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A page that nobody sees holds no request: a browser allows only a few to one server. */
function visible() {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

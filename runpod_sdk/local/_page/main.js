/** The page: which part of it is shown, and whether the server is there. */

import { chooseEndpoint } from "./api.js";
import { find, h, setText } from "./dom.js";
import { JobList } from "./list.js";
import { JobView } from "./job.js";
import { Live } from "./live.js";
import { NewJob } from "./new.js";
import { Overview } from "./overview.js";
import { Reference } from "./reference.js";

const overview = new Overview();
const newJob = new NewJob({ sent: (id) => go(`#/jobs/${encodeURIComponent(id)}`) });
const list = new JobList({ changed: () => live.refresh() });
const job = new JobView({
  changed: () => live.refresh(),
  again: (text) => {
    newJob.fill(text);
    go("#/new");
  },
});
const reference = new Reference(find("reference-view"));

const live = new Live(() => ({ ...list.asked(), job: job.id }), {
  session: showSession,
  state(state) {
    // The clock of the queue need not be that of the browser.
    state.clock = performance.now() / 1000 - state.now;
    tell("live", "Live");
    overview.show(state);
    list.show(state);
    job.show(state.job, state);
    reference.suggest(job.id ?? state.jobs[0]?.id);
  },
  gone() {
    tell("gone", "The server is gone; looking for it");
  },
});

function showSession(session) {
  const several = session.endpointIds.length > 1;
  setText(find("endpoint"), session.endpointId);
  find("endpoint").hidden = several;
  find("endpoints").hidden = !several;
  find("endpoints").replaceChildren(
    ...session.endpointIds.map((id) => h("option", { value: id }, id)),
  );
  find("endpoints").value = session.endpointId;
  document.title = `${session.endpointId} · local endpoint`;
  reference.setSession(session);
}

function tell(state, text) {
  find("live").dataset.state = state;
  document.body.classList.toggle("gone", state === "gone");
  setText(find("live"), text);
}

let shown = null;

const go = (hash) => {
  if (location.hash === hash) route();
  else location.hash = hash;
};

function route() {
  const before = shown;
  shown = location.hash;
  const [part, name] = location.hash.replace(/^#\/?/, "").split("/").map(decode);
  const inReference = part === "reference";
  find("jobs-view").hidden = inReference;
  find("reference-view").hidden = !inReference;
  for (const [id, here] of [["to-jobs", !inReference], ["to-reference", inReference]]) {
    if (here) find(id).setAttribute("aria-current", "page");
    else find(id).removeAttribute("aria-current");
  }
  if (inReference) {
    reference.show(name);
    return;
  }
  // On a narrow screen there is room for one of the two: the list, or what stands beside it.
  find("jobs-view").dataset.shows = part === "jobs" || part === "new" ? "side" : "list";
  const id = part === "jobs" && name ? name : null;
  find("new-job").hidden = id !== null;
  find("job").hidden = id === null;
  // On a narrow screen the page itself scrolls.
  if (before !== shown && (part || before?.startsWith("#/reference"))) window.scrollTo(0, 0);
  list.select(id);
  if (job.select(id)) {
    find("side").scrollTop = 0;
    live.refresh();
  }
  if (part === "new") newJob.focus();
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

find("endpoints").addEventListener("change", (event) => {
  showSession(chooseEndpoint(event.target.value));
  go("#/");
  live.refresh();
});
find("skip").addEventListener("click", () => find("main").focus());
window.addEventListener("hashchange", route);
setInterval(() => {
  list.tick();
  job.tick();
}, 250);
route();
live.run().catch((error) => {
  tell("gone", "Something is wrong with this page");
  find("main").prepend(h("p", { class: "notice" }, String(error)));
});

/** The page: which part of it is shown, and whether the server is there. */

import { chooseEndpoint } from "./api.js";
import { find, h, setText } from "./dom.js";
import { JobList } from "./list.js";
import { JobView } from "./job.js";
import { Live } from "./live.js";
import { NewJob } from "./new.js";
import { Overview } from "./overview.js";
import { Reference } from "./reference.js";
import { filter, go, hashOf, keepFilter, readRoute } from "./route.js";
import { Workers } from "./workers.js";

const overview = new Overview();
const newJob = new NewJob({ sent: (id) => go("jobs", id) });
const list = new JobList({ changed: () => live.refresh() });
const workers = new Workers();
const job = new JobView({
  changed: () => live.refresh(),
  again: (text) => {
    newJob.fill(text);
    go("new");
  },
});
const reference = new Reference(find("reference-view"));
let shown = { part: null, hash: null, query: "" };

function ask() {
  const asked = list.asked();
  return shown.part === "workers" ? { ...asked, ...workers.asked(), lanes: "yes" } : { ...asked, ...job.asked() };
}

const live = new Live(ask, {
  session: showSession,
  state(state) {
    // The clock of the queue need not be that of the browser.
    state.clock = performance.now() / 1000 - state.now;
    tell("live", "Live");
    overview.show(state);
    list.show(state);
    job.show(state.job, state);
    workers.show(state, shown.part === "workers");
    reference.suggest(job.id ?? state.jobs[0]?.id);
  },
  gone() {
    tell("gone", "The server is gone; looking for it");
  },
}, () => (shown.part === "workers" ? 1000 : 150)); // many runs of many workers take longer

function showSession(session) {
  if (session.endpointIds.includes(filter.endpoint)) session = chooseEndpoint(filter.endpoint);
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

function route() {
  const before = shown;
  const { part, name } = readRoute();
  shown = { part, hash: location.hash, query: location.hash.split("?")[1] ?? "" };
  const inReference = part === "reference";
  const inWorkers = part === "workers";
  find("jobs-view").hidden = inReference;
  find("reference-view").hidden = !inReference;
  const here = inReference ? "to-reference" : inWorkers ? "to-workers" : "to-jobs";
  for (const [id, to] of [["to-jobs", ""], ["to-workers", "workers"], ["to-reference", "reference"], ["to-new", "new"], ["brand", ""]]) {
    find(id).setAttribute("href", hashOf(to));
    if (id === here) find(id).setAttribute("aria-current", "page");
    else find(id).removeAttribute("aria-current");
  }
  if (filter.endpoint && session() && session() !== filter.endpoint) changeEndpoint(filter.endpoint);
  if (inReference) {
    reference.show(name);
    return;
  }
  // On a narrow screen there is room for one of the two: the list, or what stands beside it.
  find("jobs-view").dataset.shows = part === "new" || (part && name) ? "side" : "list";
  const id = part === "jobs" ? name : null;
  find("list-pane").hidden = inWorkers;
  find("workers-pane").hidden = !inWorkers;
  find("new-job").hidden = id !== null || inWorkers;
  find("job").hidden = id === null;
  find("worker").hidden = !inWorkers;
  // On a narrow screen the page itself scrolls.
  if (before.hash !== shown.hash && (part || before.part === "reference")) window.scrollTo(0, 0);
  list.showFilter();
  list.select(id);
  const chosen = [job.select(id), workers.select(inWorkers ? name : null)].some(Boolean);
  if (chosen) find("side").scrollTop = 0;
  if (chosen || before.part !== part || before.query !== shown.query) live.refresh();
  if (part === "new") newJob.focus();
}

const session = () => find("endpoints").value || find("endpoint").textContent;

function changeEndpoint(id) {
  showSession(chooseEndpoint(id));
  live.refresh();
}

find("endpoints").addEventListener("change", (event) => {
  filter.endpoint = event.target.value;
  changeEndpoint(filter.endpoint);
  keepFilter();
  go();
});
find("skip").addEventListener("click", () => find("main").focus());
find("viewer").addEventListener("click", (event) => event.target === find("viewer") && find("viewer").close());
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

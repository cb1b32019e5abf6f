// Behind filter.js, where a server shows the page while builds run: it says when there is another one, and what differs is put in its
// place. The filter, what is open, the focus stay. The browser connects again by itself.
const sources = new Map();
const note = document.createElement("p");
note.className = "live";
note.setAttribute("role", "status");
document.querySelector("header").append(note);
const tell = words => { if (note.textContent !== words) note.textContent = words; };

function renew(section, fresh) {
  const open = all("details", section).map(part => part.open), focused = section.contains(document.activeElement) && document.activeElement.getAttribute("href");
  section.replaceWith(fresh);
  all("details", fresh).forEach((part, i) => { part.open = open[i] || false; });
  dress(fresh);
  return focused;
}

async function update() {
  const answer = await fetch(location.pathname, {cache: "no-cache"});
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  let focused = null, any = false;
  for (const fresh of all("main > section", page)) {
    const section = document.getElementById(fresh.id), source = fresh.outerHTML;
    if (!section || sources.get(fresh.id) === source) continue;
    sources.set(fresh.id, source);
    focused = renew(section, document.adoptNode(fresh)) || focused;
    any = true;
  }
  if (!any) return;
  look();
  filter();
  const tile = focused && all(".grid a").find(other => other.getAttribute("href") === focused);
  if (tile) { enter(tile); tile.focus(); }
  const group = document.getElementById(opened);
  if (dialog.open && group) fillDialog(group);
}

let updating = Promise.resolve();
const events = new EventSource("events");
events.addEventListener("open", () => tell("Live: shows builds as they go on."));
events.addEventListener("page", () => { updating = updating.then(update).catch(() => tell("The page could not be fetched; it is tried again.")); });
events.addEventListener("error", () => tell("Not connected: what you see may be old. It is tried again."));

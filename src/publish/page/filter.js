// The page is whole without this. It finds builds by words and by kind, keeps what is asked for in the address (#gpu=9.0&q=...)
// so that it can be handed on, and puts a button beside each command. Text of the page is only ever set as text.
"use strict";
const form = document.forms[0], shown = form.querySelector("output");
const search = form.elements.q, kinds = [...form.querySelectorAll("select")];
const values = cell => [...cell.querySelectorAll("b")].map(value => value.textContent);

const products = new Map();
for (const row of document.querySelectorAll(".products tbody tr")) products.set(row.cells[0].textContent, row.cells[1].textContent.toLowerCase());

const builds = [...document.querySelectorAll(".builds tbody tr")].map(row => {
  const cells = [...row.cells].slice(1), own = cells.slice(0, kinds.length).map(values);
  const gpu = cells[0].textContent.startsWith("CPU only") ? own[1] : own[0];
  const words = [row.id, ...cells.map(cell => cell.textContent)].join(" ").toLowerCase();
  return {row, own, words: words + " " + (products.get(gpu.join(" ")) || "")};
});

kinds.forEach((kind, i) => {
  const all = new Set(builds.flatMap(build => build.own[i]));
  for (const value of [...all].sort((a, b) => a.localeCompare(b, "en", {numeric: true}))) kind.add(new Option(value));
  kind.parentNode.hidden = all.size < 2;
});

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const {row, own, words: text} of builds) {
    const fits = words.every(word => text.includes(word)) && kinds.every((kind, i) => !kind.value || own[i].includes(kind.value));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count} of ${builds.length} builds`;
}

// "#gpu=9.0&q=avx512" asks for builds, "#name" is the place of one.
function read() {
  const hash = location.hash.slice(1), asked = new URLSearchParams(hash.includes("=") ? hash : "");
  if (hash && !hash.includes("=")) {
    const target = builds.find(build => build.row.id === hash);
    if (!target) return filter();
    target.row.querySelector("details").open = true;
    if (!target.row.hidden) return filter();
  }
  for (const field of [search, ...kinds]) {
    const value = asked.get(field.name) || "";
    field.value = value;
    if (field.value !== value) field.add(new Option(value));  // nothing has it: say so, rather than show all
    field.value = value;
  }
  filter();
}

function changed() {
  const asked = new URLSearchParams();
  for (const field of [search, ...kinds]) if (field.value) asked.set(field.name, field.value);
  history.replaceState(null, "", "#" + asked);
  filter();
}

function copy(event) {
  const text = event.target.nextSibling;
  getSelection().selectAllChildren(text);
  const done = () => { event.target.textContent = "copied"; };
  if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(done, () => {});
  else if (document.execCommand("copy")) done();
}

const here = location.href.replace(/[?#].*/, "").replace(/\/[^/]*$/, "");
for (const place of document.querySelectorAll("code, pre")) {
  if (/^(https?|file):[\w.~/:@%+-]+$/.test(here)) place.textContent = place.textContent.replaceAll("URL-OF-THIS-PAGE", here);
  if (place.tagName !== "PRE") continue;
  const button = document.createElement("button"), text = document.createElement("span");
  button.type = "button";
  button.textContent = "copy";
  button.addEventListener("click", copy);
  text.textContent = place.textContent;
  place.replaceChildren(button, text);
}

for (const part of document.querySelectorAll("tr, th, td")) {  // some browsers forget what they are where the style makes them blocks
  part.setAttribute("role", part.tagName === "TR" ? "row" : part.tagName === "TD" ? "cell" : part.scope === "col" ? "columnheader" : "rowheader");
}
form.hidden = false;
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("input", changed);
form.addEventListener("reset", () => setTimeout(changed));
addEventListener("hashchange", read);
read();

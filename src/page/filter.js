// The page is whole without this. It finds items (builds, recipes) by words and by kind, keeps what is asked for in the address
// (#gpu=9.0&q=...) so that it can be handed on, opens a tile's builds over the page, and puts a button beside each command. Text of the
// page is only ever set as text.
"use strict";
const all = (what, within = document) => [...within.querySelectorAll(what)];
const form = document.forms[0], search = form && form.elements.q, kinds = form ? all("select", form) : [];

// An item is what is counted; what it does not say of itself its group says, once for all of them.
const valuesOf = (item, kind) => {
  const place = item.closest(`[data-${kind.name}]`), value = place ? place.dataset[kind.name] : "";
  return kind.name === "gpu" ? value.split(" ") : [value];
};
const products = new Map();
for (const row of all(".products tbody tr")) products.set(row.cells[0].textContent, row.cells[1].textContent.toLowerCase());

// What a group says of all its items: without the items, and without a command that names them.
const ownText = (place, item) => place === item ? place.textContent :
  [...place.children].filter(part => part.tagName !== "PRE" && !part.contains(item)).map(part => part.textContent).join(" ");
let groups, items, counted, grids;  // of what is on the page now
function look() {
  groups = new Map();
  items = all("[data-item]").map(item => {
    const place = item.closest(".group") || item;
    if (!groups.has(place)) groups.set(place, {place, words: `${place.id} ${ownText(place, item)}`.toLowerCase(), items: []});
    const group = groups.get(place), own = kinds.map(kind => valuesOf(item, kind));
    const code = item.dataset.gpu || item.dataset.cpu || "";
    const entry = {item, own, group, words: place === item ? products.get(code) || "" : item.textContent.toLowerCase()};
    group.items.push(entry);
    return entry;
  });
  counted = all("[data-counted]").map(part => ({part, items: items.filter(({item}) => part.contains(item))}));
  grids = all(".grid").map(table => ({
    table,
    columns: [...table.tHead.rows[0].cells],
    rows: [...table.tBodies[0].rows].map(row => ({row, cells: [...row.cells].slice(1).map(cell => ({
      cell, tiles: all("a", cell).map(tile => ({tile, group: groups.get(document.getElementById(tile.hash.slice(1)))}))}))})),
  }));
  kinds.forEach((kind, i) => {
    const asked = kind.value, values = new Set(items.flatMap(({own}) => own[i]).filter(Boolean));
    kind.length = 1;  // "any"
    for (const value of [...values].sort((a, b) => a.localeCompare(b, "en", {numeric: true}))) kind.add(new Option(value));
    if (asked && !values.has(asked)) kind.add(new Option(asked));
    kind.value = asked;
    kind.parentNode.hidden = values.size < 2 && !asked;
  });
}

const show = (element, shown) => { if (element.hidden === shown) element.hidden = !shown; };

function showTiles() {
  for (const {table, columns, rows} of grids) {
    const used = new Set();
    for (const {row, cells} of rows) {
      let any = false;
      cells.forEach(({tiles}, column) => {
        for (const {tile, group} of tiles) {
          const shown = !group || !group.place.hidden;
          show(tile, shown);
          if (shown) { any = true; used.add(column); }
        }
      });
      show(row, any);
    }
    columns.slice(1).forEach((head, column) => {
      show(head, used.has(column));
      for (const {cells} of rows) show(cells[column].cell, used.has(column));
    });
    show(table, used.size > 0);
  }
  enter(document.querySelector('.grid a[tabindex="0"]'));
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const group of groups.values()) {
    const rest = words.filter(word => !group.words.includes(word));
    let any = false;
    for (const {item, own, words: text} of group.items) {
      const fits = rest.every(word => text.includes(word)) && kinds.every((kind, i) => !kind.value || own[i].includes(kind.value));
      show(item, fits);
      any = any || fits;
    }
    show(group.place, any);
  }
  showTiles();
  form.querySelector("output").textContent = counted.filter(({items}) => items.length > 0).map(({part, items}) =>
    `${items.filter(({item}) => !item.hidden).length} of ${items.length} ${part.dataset.counted}`).join(", ");
}

// "#gpu=9.0&q=avx512" asks for builds, "#name" is the place of one.
function read() {
  const hash = location.hash.slice(1), asked = new URLSearchParams(hash.includes("=") ? hash : "");
  if (hash && !hash.includes("=")) {
    const group = groups.get(document.getElementById(hash));
    if (group && group.place.tagName === "TR") {
      for (const part of all("details", group.place)) part.open = true;
      if (!group.place.hidden) return filter();
    } else {
      filter();
      if (group) openGroup(group.place);
      return;
    }
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

// What stands behind a tile, over the page: Escape and the button close it, and the focus goes back to where it was.
const dialog = document.createElement("dialog");
let opened = "";  // the id of what it shows
function fillDialog(group) {
  const copy = group.cloneNode(true), head = copy.querySelector("h3");
  copy.removeAttribute("id");
  for (const part of all("[id]", copy)) part.removeAttribute("id");
  head.id = "dialog-head";
  dialog.setAttribute("aria-labelledby", head.id);
  const old = dialog.querySelector("article");
  if (old) old.replaceWith(copy);
  else dialog.prepend(copy);
}
function openGroup(group) {
  if (!dialog.isConnected) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.textContent = "✕";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => dialog.close());
    dialog.append(close);
    document.body.append(dialog);
  }
  opened = group.id;
  fillDialog(group);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.querySelector(".close").focus();
}
dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });  // beside it

// One tile is in the order of Tab; arrows, Home and End go from tile to tile.
const shownTiles = row => all("a", row).filter(tile => !tile.hidden);
function enter(tile) {
  if (!tile || tile.hidden || tile.closest("[hidden]")) tile = all(".grid a").find(other => !other.hidden);
  for (const other of all('.grid a[tabindex="0"]')) other.tabIndex = -1;
  if (tile) tile.tabIndex = 0;
}
function below(tile, down) {
  const cell = tile.closest("td"), number = all("a", cell).indexOf(tile);
  for (let row = cell.parentNode; (row = down ? row.nextElementSibling : row.previousElementSibling);) {
    const there = row.hidden ? [] : all("a", row.cells[cell.cellIndex]).filter(other => !other.hidden);
    if (there.length > 0) return there[Math.min(number, there.length - 1)];
  }
  return null;
}
function step(event) {
  const tile = event.target.closest(".grid a");
  if (!tile || event.ctrlKey || event.altKey || event.metaKey) return;
  const row = shownTiles(tile.closest("tr")), at = row.indexOf(tile);
  const next = {ArrowRight: () => row[at + 1], ArrowLeft: () => row[at - 1], Home: () => row[0], End: () => row.at(-1),
    ArrowDown: () => below(tile, true), ArrowUp: () => below(tile, false)}[event.key];
  if (!next) return;
  event.preventDefault();
  const to = next();
  if (!to) return;
  enter(to);
  to.focus();
}
function copyText(button) {
  const text = button.nextSibling;
  getSelection().selectAllChildren(text);
  const done = () => { button.textContent = "copied"; };
  if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(done, () => {});
  else if (document.execCommand("copy")) done();
}

document.addEventListener("click", event => {
  const tile = event.target.closest(".grid a"), copy = event.target.closest("pre button");
  if (copy) copyText(copy);
  if (!tile || event.ctrlKey || event.shiftKey || event.metaKey) return;
  event.preventDefault();
  enter(tile);
  tile.focus();
  openGroup(document.getElementById(tile.hash.slice(1)));
});
document.addEventListener("keydown", step);

const here = location.href.replace(/[?#].*/, "").replace(/\/[^/]*$/, "");
const named = /^(https?|file):[\w.~/:@%+-]+$/.test(here);
const roles = {TABLE: "table", TBODY: "rowgroup", THEAD: "rowgroup", TR: "row", TD: "cell"};
function dress(within) {
  for (const place of all("code, pre", within)) {
    if (named && place.textContent.includes("URL-OF-THIS-PAGE")) place.textContent = place.textContent.replaceAll("URL-OF-THIS-PAGE", here);
    if (place.tagName !== "PRE" || place.classList.contains("log")) continue;
    const button = document.createElement("button"), text = document.createElement("span");
    button.type = "button";
    button.textContent = "copy";
    text.textContent = place.textContent;
    place.replaceChildren(button, text);
  }
  // some browsers forget what these are where the style makes them blocks
  for (const part of all("table, tbody, thead, tr, th, td", within))
    part.setAttribute("role", roles[part.tagName] || (part.scope === "col" ? "columnheader" : "rowheader"));
  for (const tile of all(".grid a", within)) tile.tabIndex = -1;
}

dress(document);
look();
enter(null);
if (form) {
  form.hidden = false;
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", changed);
  form.addEventListener("reset", () => setTimeout(changed));
  addEventListener("hashchange", read);
  read();
}

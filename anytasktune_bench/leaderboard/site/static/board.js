"use strict";

(() => {
  const table = document.getElementById("board");
  if (!table) return;
  const form = document.getElementById("controls");
  const count = document.getElementById("count");
  const region = table.closest(".scroll");
  const total = Number(table.dataset.total);
  const partial = total > Number(table.dataset.full); // the page holds the first rows only
  const windowed = total > 60; // of more rows only those in view are laid out: sorting 300 rows of 70 figures would take a second
  const heads = [...table.tHead.querySelectorAll("[data-key]")];
  const groupHeads = [...table.tHead.querySelectorAll("[scope=colgroup]")];
  const keys = heads.map((head) => head.dataset.key);
  const bodies = new Map([...table.tBodies].map((body) => [body.dataset.group, body]));
  const titles = new Map([...bodies].map(([group, body]) => [group, body.rows[0]]));
  const sorted = el("tbody");
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [sheet];
  const PINNED = 3;
  const LINE = 48; // px, as .windowed tr in the style sheet
  let rows = [];
  let list = [];
  let style = "";

  function fromPage() {
    return [...table.querySelectorAll("tbody tr[data-slug]")].map((tr) => ({
      tr, slug: tr.dataset.slug, name: tr.cells[0].textContent, cat: tr.dataset.cat, size: Number(tr.dataset.size ?? NaN),
      shots: "shots" in tr.dataset, base: tr.dataset.base, group: tr.parentNode.dataset.group,
    }));
  }

  function fromData(data) {
    const places = keys.map((key) => data.keys.indexOf(key));
    return data.rows.map((row, i) => ({
      slug: row.slug, name: row.label[zh ? 1 : 0], cat: row.cat, size: row.size ?? NaN, shots: row.shots, base: data.rows[row.base]?.slug, baseName: row.baseName, provenance: row.provenance,
      group: data.rows[i].isBase ? "base" : row.cat, cells: places.map((place) => (place < 0 ? "" : row.cells[place])),
    })).filter((row) => row.cells.some((cell) => cell) || keys.length > 60);
  }

  function value(row, place) {
    if (place === 0) return row.name;
    if (place === 1) return row.size;
    return parseFloat(row.cells ? row.cells[place] : row.tr.cells[place].firstChild.data);
  }

  function element(row) {
    if (row.tr) return row.tr;
    const name = el("th", { scope: "row" }, el("a", { href: `${here}model/${row.slug}.html` }, el("bdi", {}, row.name)));
    name.append(el("small", {}, [row.baseName, store.board.provenance[row.provenance][zh ? 1 : 0]].filter(Boolean).join(" · ")));
    row.tr = el("tr", { "data-slug": row.slug }, name, el("td", {}, sizeText(row.size)));
    for (let place = 2; place < keys.length; place += 1) row.tr.append(cell(row.cells[place], heads[place]));
    return row.tr;
  }

  function cell(text, head) {
    const [score, interval, arrow, flags, n] = text.split(" ");
    const td = el("td", { className: `${head.classList.contains("f") ? "f " : ""}${"mean" in head.dataset && text ? "m " : ""}${text ? [...(flags ?? "").matchAll(/[ob]/g)].join(" ") : "x"}`.trim() }, score || "–");
    if (arrow && arrow !== "-") td.append(el("b", { className: "▲△".includes(arrow) ? "up" : "down", role: "img", "aria-label": store.board.arrows[arrow][zh ? 1 : 0] }, arrow));
    td.append((flags?.includes("o") ? "†" : "") + (flags?.includes("u") ? "‡" : ""));
    if (interval) td.append(el("i", {}, interval + (n ? `, n = ${n}` : "")));
    return td;
  }

  function sizeText(millions) {
    if (Number.isNaN(millions)) return "–";
    return millions >= 99500 ? `${Math.round(millions / 1000)}B` : millions >= 950 ? `${(millions / 1000).toFixed(1)}B` : `${millions}M`;
  }

  function chosen() {
    const q = (state.get("q") ?? "").toLocaleLowerCase();
    const max = Number(state.get("max") ?? NaN);
    const fits = (row) => (!q || row.name.toLocaleLowerCase().includes(q)) && (Number.isNaN(max) || row.size <= max) &&
      (!state.get("cat") || row.cat === state.get("cat")) && (!state.get("zero") || !row.shots);
    const found = new Set(rows.filter(fits));
    const bases = new Set([...found].map((row) => row.base));
    const all = rows.filter((row) => found.has(row) || bases.has(row.slug)); // a base stays while a model tuned from it is shown
    count.textContent = fill(count.dataset.text, { shown: found.size, all: rows.length });
    return all;
  }

  function ordered(all) {
    const place = keys.indexOf(state.get("sort"));
    if (place < 0) return [...bodies.keys()].map((group) => [group, all.filter((row) => row.group === group)]);
    const sign = state.get("dir") === "up" ? 1 : -1;
    const bases = all.filter((row) => row.group === "base");
    const pinned = bases.length <= PINNED ? bases : []; // a few base models stay on top, many take part
    const others = all.filter((row) => !pinned.includes(row)).map((row) => [value(row, place), row]);
    const missing = (x) => typeof x === "number" && Number.isNaN(x);
    others.sort(([a], [b]) => (missing(a) || missing(b) ? missing(a) - missing(b) : place === 0 ? sign * a.localeCompare(b) : sign * (a - b)));
    return [["base", pinned], ["", others.map(([, row]) => row)]];
  }

  function columns() {
    const [scope, domain] = [state.get("lang"), state.get("domain")];
    const visible = heads.map((head) => {
      if (!("domain" in head.dataset)) return true;
      const { domain: own, scope: of } = head.dataset;
      if (domain && own !== domain) return false;
      if (scope) return of === scope;
      return !("mean" in head.dataset) || of === "both" || !heads.some((other) => "mean" in other.dataset && other.dataset.domain === own && other.dataset.scope === "both");
    });
    heads.forEach((head, i) => { head.hidden = !visible[i]; });
    for (const group of groupHeads) {
      const span = heads.filter((head) => !head.hidden && "domain" in head.dataset && head.dataset.domain === group.dataset.domain &&
        (!("code" in group.dataset) || (group.dataset.code ? head.dataset.key.split(" ")[0] === group.dataset.code : "mean" in head.dataset))).length;
      group.hidden = !span;
      if (span) group.colSpan = span;
    }
    const width = visible.filter(Boolean).length;
    for (const title of titles.values()) title.cells[0].colSpan = width;
    const rules = visible.map((is, i) => (is ? "" : `#board tbody tr[data-slug]>:nth-child(${i + 1}){display:none}`)).join("");
    if (rules !== style) sheet.replaceSync(rules);
    style = rules;
  }

  function draw() {
    const all = ordered(chosen());
    if (!windowed) {
      for (const body of table.querySelectorAll("tbody")) if (!all.some(([group, members]) => members.length && bodyOf(group) === body)) body.remove();
      for (const [group, members] of all) {
        if (!members.length) continue;
        bodyOf(group).replaceChildren(...(titles.has(group) ? [titles.get(group)] : []), ...members.map(element));
        table.append(bodyOf(group));
      }
      return;
    }
    list = all.flatMap(([group, members]) => (members.length && titles.has(group) ? [titles.get(group), ...members] : members));
    table.setAttribute("aria-rowcount", list.length + 3);
    slide(true);
  }

  const bodyOf = (group) => bodies.get(group) ?? sorted;

  let first = -1;
  function slide(force) {
    const top = region.scrollTop;
    const start = Math.max(0, Math.min(Math.floor(top / LINE) - 10, list.length - 1));
    const from = start - (start % 10);
    if (!force && from === first) return;
    first = from;
    const part = list.slice(from, from + Math.ceil(innerHeight / LINE) + 20);
    const space = (n) => { const tr = el("tr", { className: "space", ariaHidden: "true" }, el("td")); tr.style.height = `${n * LINE}px`; return tr; };
    const focused = document.activeElement;
    sorted.replaceChildren(space(from), ...part.map((item, i) => {
      const tr = item instanceof Element ? item : element(item);
      tr.setAttribute("aria-rowindex", from + i + 4);
      return tr;
    }), space(list.length - from - part.length));
    if (region.scrollTop !== top) region.scrollTop = top; // a browser may have followed the row with the focus
    if (focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  function show() {
    table.classList.toggle("signs", Boolean(state.get("plain")));
    for (const head of heads) {
      if (head.dataset.key === state.get("sort")) head.setAttribute("aria-sort", state.get("dir") === "up" ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    columns();
    draw();
  }

  function sortable() {
    for (const head of heads) {
      const group = groupHeads.find((other) => "code" in other.dataset && other.dataset.domain === head.dataset.domain &&
        (other.dataset.code ? head.dataset.key.split(" ")[0] === other.dataset.code : "mean" in head.dataset));
      const domain = groupHeads.find((other) => !("code" in other.dataset) && other.dataset.domain === head.dataset.domain);
      const button = el("button", { type: "button" }, ...head.childNodes);
      const names = [domain, group].map((other) => other?.textContent ?? "").filter(Boolean);
      button.setAttribute("aria-label", [...names, button.textContent].join(" "));
      button.addEventListener("click", () => {
        const same = state.get("sort") === head.dataset.key;
        const words = head.dataset.key === "name" ? "up" : "down";
        const flipped = words === "up" ? "down" : "up";
        if (!same) keep({ sort: head.dataset.key, dir: words === "down" ? "" : "up" });
        else if ((state.get("dir") || "down") === words) keep({ dir: flipped === "down" ? "" : "up" });
        else keep({ sort: "", dir: "" });
        show();
      });
      head.append(button);
    }
  }

  // Arrow keys move from cell to cell; a cell that has the focus shows its interval.
  table.addEventListener("keydown", (event) => {
    const at = event.target.closest("tbody tr[data-slug]>*");
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    if (!at || !(down || right)) return;
    event.preventDefault();
    const visible = (cell) => getComputedStyle(cell).display !== "none";
    let next = at;
    do { next = right ? next[right > 0 ? "nextElementSibling" : "previousElementSibling"] : rowBeside(next, down)?.cells[at.cellIndex]; } while (next && !visible(next));
    if (!next) return;
    const target = next.querySelector("a") ?? next;
    if (target === next) next.tabIndex = -1;
    target.focus();
  });

  function rowBeside(cell, down) {
    const all = windowed ? list.filter((item) => !(item instanceof Element)) : [...table.querySelectorAll("tbody tr[data-slug]")];
    const found = all[all.findIndex((item) => (item.tr ?? item) === cell.parentNode) + down];
    if (!found || !windowed) return found;
    const tr = element(found);
    if (!tr.isConnected) {
      region.scrollTop += down * 5 * LINE;
      slide(true);
    }
    return tr;
  }

  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (cell?.parentNode.dataset.slug) { cell.tabIndex = -1; cell.focus(); }
  });

  form.addEventListener("input", () => {
    keep(Object.fromEntries([...form.elements].filter((field) => field.name).map((field) => [field.name, field.type === "checkbox" ? (field.checked ? "1" : "") : field.value])));
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => {
    keep(Object.fromEntries([...state.keys()].map((key) => [key, ""])));
    setTimeout(show);
  });
  const copy = document.getElementById("copy");
  if (navigator.clipboard) copy.addEventListener("click", () => navigator.clipboard.writeText(location.href).then(() => { count.textContent = copy.dataset.done; }, () => {}));
  else copy.hidden = true;

  function start() {
    for (const field of form.elements) {
      if (!field.name || !state.has(field.name)) continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = state.get(field.name);
    }
    sortable();
    form.hidden = false;
    show();
    document.documentElement.classList.remove("early");
    const place = keys.indexOf(state.get("sort"));
    if (place > 1) region.scrollLeft = heads[place].offsetLeft - heads[0].offsetWidth - 40;
  }

  function take(found) {
    rows = found;
    if (windowed) {
      for (const body of bodies.values()) body.remove();
      table.append(sorted);
      table.classList.add("windowed");
      region.addEventListener("scroll", () => slide(false), { passive: true });
    }
    start();
  }

  if (partial) load("board").then((data) => { document.getElementById("more")?.remove(); take(fromData(data)); }, () => take(fromPage()));
  else take(fromPage());
})();

"use strict";

(() => {
  const page = document.getElementById("samples");
  const data = store.board;
  if (!data) return;
  const texts = JSON.parse(page.dataset.texts);
  const form = page.querySelector("form");
  const { model, test, show, order, q } = form.elements;
  const [count, list, remarks] = ["count", "list", "remarks"].map((id) => document.getElementById(id));
  const rows = new Map(data.rows.map((row) => [row.slug, row]));
  const tests = data.columns.map((column, place) => ({ ...column, place })).filter((column) => column.task);
  const RIGHT = 0.5;
  const STEP = 50;
  let limit = STEP;
  let found = [];
  let instruction = "";
  let turn = 0;

  const has = (row, column) => row.cells[column.place]?.split(" ")[3]?.includes("s");
  const label = (row) => row.label[zh ? 1 : 0];
  const short = (text) => { const line = shown(text.replace(/\s+/g, " ").trim()); return line.length > 90 ? `${line.slice(0, 89)}…` : line; };

  for (const row of data.rows) if (tests.some((column) => has(row, column))) model.append(el("option", { value: row.slug }, label(row)));

  function offer() {
    const row = rows.get(model.value);
    test.replaceChildren(...tests.filter((column) => row && has(row, column)).map((column) => el("option", { value: column.task }, `${column.key} · ${column.title[zh ? 1 : 0]}`)));
  }

  async function gather(prefix, parts) {
    return (await Promise.all(Array.from({ length: parts }, (_, i) => load(`${prefix}.${i}`)))).flat();
  }

  async function open() {
    turn += 1;
    const own = turn;
    const row = rows.get(model.value);
    const column = tests.find((one) => one.task === test.value);
    list.replaceChildren();
    count.textContent = "";
    if (!row || !column) return;
    const base = data.rows[row.base];
    try {
      const [shared, answers, others] = await Promise.all([
        gather(`rows/${column.task}`, column.parts),
        gather(`answers/${row.slug}/${column.task}`, column.parts),
        base && has(base, column) ? gather(`answers/${base.slug}/${column.task}`, column.parts) : [],
      ]);
      if (own !== turn) return;
      const questions = new Map(shared.flatMap((part) => part.rows).map(([id, , input, reference]) => [id, { input, reference }]));
      const before = new Map(others.map((answer) => [answer[0], answer]));
      instruction = row.implicit ? "" : shared[0]?.instruction ?? "";
      found = answers.map(([id, raw, score, valid, parsed, notes, input, reference]) => {
        const known = questions.get(id) ?? {};
        return { id, raw, score, valid, parsed, notes, input: input ?? known.input ?? "", reference: reference ?? known.reference ?? "", base: before.get(id) };
      });
      remarks.textContent = [row.implicit ? texts.implicit : "", row.shots ? fill(texts.shots, { n: row.shots }) : ""].join(" ");
      for (const option of show.options) option.disabled = ["gained", "lost"].includes(option.value) && !before.size;
      draw();
    } catch {
      if (own === turn) list.replaceChildren(el("p", {}, texts.no_data));
    }
  }

  const FILTERS = {
    gained: (s) => s.base && s.base[2] < RIGHT && s.score >= RIGHT,
    lost: (s) => s.base && s.base[2] >= RIGHT && s.score < RIGHT,
    invalid: (s) => !s.valid,
    wrong: (s) => s.score < RIGHT,
  };

  function draw() {
    const words = q.value.toLocaleLowerCase();
    const fits = found.filter((s) => (FILTERS[show.value]?.(s) ?? true) && (!words || `${s.id}\n${s.input}\n${s.reference}\n${s.raw}`.toLocaleLowerCase().includes(words)));
    fits.sort((a, b) => (order.value === "score" ? a.score - b.score : 0) || (a.id < b.id ? -1 : 1));
    const wanted = state.get("id");
    const place = fits.findIndex((s) => s.id === wanted);
    count.textContent = fill(texts.count, { shown: fits.length, all: found.length });
    const items = fits.slice(0, Math.max(limit, place + 1)).map((s) => item(s, s.id === wanted));
    if (fits.length > items.length) {
      const more = el("button", { type: "button" }, texts.more);
      more.addEventListener("click", () => { limit += STEP; draw(); });
      items.push(more);
    }
    list.replaceChildren(...(items.length ? items : [el("p", {}, texts.none)]));
    list.querySelector("details[open]")?.scrollIntoView();
  }

  function item(s, isOpen) {
    const head = el("summary", {}, el("span", { className: "id" }, shown(s.id)), " ");
    if (s.base) head.append(el("span", { className: "quiet" }, `${s.base[2].toFixed(3)} → `));
    head.append(el("span", { className: `score ${s.score >= RIGHT ? "right" : "wrong"}` }, s.score.toFixed(3)), " ");
    if (!s.valid) head.append(el("span", { className: "flag" }, texts.invalid_mark), " ");
    head.append(el("bdi", { className: "quiet" }, short(s.raw) || texts.nothing));
    const details = el("details", { open: isOpen }, head);
    const fillIn = () => { if (details.open && details.children.length === 1) details.append(body(s)); };
    details.addEventListener("toggle", () => {
      fillIn();
      if (details.open) keep({ id: s.id });
      else if (state.get("id") === s.id) keep({ id: "" });
    });
    fillIn();
    return details;
  }

  function body(s) {
    const address = new URLSearchParams({ model: model.value, test: test.value, id: s.id });
    const parts = [
      el("p", { className: "label" }, el("a", { href: `samples.html?${address}` }, fill(texts.permalink, { id: shown(s.id) }))),
      part(texts.prompt, [instruction, s.input].filter(Boolean).join("\n")),
      part(texts.reference, s.reference),
      part(texts.raw, s.raw),
    ];
    if (s.base) parts.push(part(fill(texts.base_raw, { score: s.base[2].toFixed(3) }), s.base[1]));
    parts.push(part(texts.parsed, s.parsed === null ? texts.unread : typeof s.parsed === "string" ? s.parsed : JSON.stringify(s.parsed, null, 1)));
    if (s.notes.length) parts.push(el("section", { className: "wide" }, el("h3", {}, texts.why), why(s.notes)));
    return el("div", { className: "sample" }, ...parts);
  }

  function part(title, text) {
    return el("section", {}, el("h3", {}, title), el("pre", { tabIndex: 0, "aria-label": title, role: "region" }, el("bdi", {}, shown(text) || texts.nothing)));
  }

  function why(notes) {
    const names = store.board.noteHeads.map((pair) => pair[zh ? 1 : 0]);
    const table = el("table", { className: "plain wordy" }, el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name)))));
    table.append(el("tbody", {}, ...notes.map(([what, credit, answer, gold]) => el("tr", {},
      el("th", { scope: "row" }, el("bdi", {}, shown(what))), el("td", { className: "number" }, String(Number(credit.toFixed(3)))), el("td", {}, el("bdi", {}, shown(answer))), el("td", {}, el("bdi", {}, shown(gold)))))));
    return el("div", { className: "scroll", role: "region", "aria-label": texts.why, tabIndex: 0 }, table);
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    limit = STEP;
    if (event.target === model) { const before = test.value; offer(); if ([...test.options].some((option) => option.value === before)) test.value = before; }
    keep({ model: model.value, test: test.value, show: show.value, order: order.value, q: q.value, id: "" });
    if (event.target === model || event.target === test) open();
    else draw();
  });

  if (rows.has(state.get("model"))) model.value = state.get("model");
  offer();
  if (tests.some((column) => column.task === state.get("test"))) test.value = state.get("test");
  if (test.selectedIndex < 0) test.selectedIndex = 0;
  for (const field of [show, order, q]) if (state.has(field.name)) field.value = state.get(field.name);
  page.hidden = false;
  open();
})();

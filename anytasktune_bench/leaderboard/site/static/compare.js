"use strict";

(() => {
  const page = document.getElementById("compare");
  const data = store.board;
  if (!data) return;
  const texts = Object.fromEntries(Object.entries(page.dataset).map(([key, value]) => [key, value.startsWith("{") && value.endsWith("}") && value.includes('"') ? JSON.parse(value) : value]));
  const [add, hint, chosen, result] = ["add", "hint", "chosen", "result"].map((id) => document.getElementById(id));
  const rows = new Map(data.rows.map((row) => [row.slug, row]));
  const MOST = 4;
  const label = (row) => row.label[zh ? 1 : 0];
  let slugs = [...new Set((state.get("m") ?? "").split(","))].filter((slug) => rows.has(slug)).slice(0, MOST);

  for (const row of data.rows) add.append(el("option", { value: row.slug }, label(row)));

  function change(next) {
    slugs = next;
    keep({ m: slugs.join(",") });
    draw();
  }

  function draw() {
    add.value = "";
    add.disabled = slugs.length >= MOST;
    for (const option of add.options) option.disabled = slugs.includes(option.value);
    hint.hidden = slugs.length >= 2;
    chosen.replaceChildren(...slugs.map((slug) => {
      const row = rows.get(slug);
      const button = el("button", { type: "button", "aria-label": fill(texts.remove, { name: label(row) }) }, "×");
      button.addEventListener("click", () => { change(slugs.filter((other) => other !== slug)); add.focus(); });
      return el("li", {}, el("bdi", {}, el("a", { href: `${here}model/${slug}.html` }, label(row))), button);
    }));
    result.replaceChildren(...(slugs.length ? [tableOf(slugs.map((slug) => rows.get(slug)))] : []));
  }

  function tableOf(members) {
    const head = el("tr", {}, el("th", { scope: "col" }, texts.test), ...members.map((row) => el("th", { scope: "col", className: "model" }, el("bdi", {}, label(row)))));
    const table = el("table", { className: "plain compare" }, el("caption", {}, el("span", {}, texts.caption)), el("thead", {}, head));
    let group;
    let body;
    data.columns.forEach((column, place) => {
      if (!members.some((row) => row.cells[place])) return;
      if (column.domain !== group) {
        group = column.domain;
        body = el("tbody", {}, el("tr", { className: "category" }, el("th", { scope: "rowgroup", colSpan: members.length + 1 }, el("span", {}, texts.domains[group] ?? texts.overall))));
        table.append(body);
      }
      const scope = texts.scopes[column.scope];
      const name = column.code ? el("th", { scope: "row" }, el("a", { href: `${here}task/${column.code.toLowerCase()}.html` }, column.code), ` ${scope} `, el("small", {}, column.title[zh ? 1 : 0])) : el("th", { scope: "row" }, `${texts.mean} ${scope}`);
      const scores = members.map((row) => parseFloat(row.cells[place]));
      const best = Math.max(...scores.filter((score) => !Number.isNaN(score)));
      body.append(el("tr", {}, name, ...members.map((row, i) => cell(row.cells[place], scores[i] === best))));
    });
    return table;
  }

  function cell(text, best) {
    if (!text) return el("td", { className: "x" }, "–");
    const [score, interval, arrow] = text.split(" ");
    const td = el("td", { className: best ? "b" : "" }, score);
    if (arrow && arrow !== "-") td.append(el("b", { className: "▲△".includes(arrow) ? "up" : "down", role: "img", "aria-label": texts.arrows[arrow] }, arrow));
    if (!interval) return td;
    const [low, high] = interval.split("–").map(Number);
    const bar = el("span", { className: "bar" }, el("span", { className: "range" }), el("span", { className: "point" }));
    bar.firstChild.style.insetInlineStart = `${low * 100}%`;
    bar.firstChild.style.width = `${(high - low) * 100}%`;
    bar.lastChild.style.insetInlineStart = `${score * 100}%`;
    td.append(el("small", {}, ` ${interval}`), bar);
    return td;
  }

  add.addEventListener("change", () => { if (rows.has(add.value)) change([...slugs, add.value]); });
  page.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  page.hidden = false;
  draw();
})();

"use strict";

// Data files are classic scripts that call board(name, value), since pages on a disk may load scripts but fetch nothing.
const store = Object.create(null);
const loading = Object.create(null);
function board(name, value) { store[name] = value; }

const { root, here } = document.documentElement.dataset;
const zh = document.documentElement.lang.startsWith("zh");
const state = new URLSearchParams(location.search);
const languageLink = document.getElementById("language");
const otherPage = languageLink.getAttribute("href");

function load(name) {
  return loading[name] ??= new Promise((resolve, reject) => {
    if (name in store) return resolve(store[name]);
    const script = document.createElement("script");
    script.src = `${root}data/${name}.js`;
    script.onload = () => (name in store ? resolve(store[name]) : reject(new Error(name)));
    script.onerror = () => reject(new Error(name));
    document.head.append(script);
  });
}

function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

// Direction and control characters are named, so that no text can reorder or hide another.
function shown(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu,
    (c) => (c.codePointAt(0) === 13 ? "" : `[U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`));
}

function fill(text, values) { return text.replace(/\{(\w+)\}/g, (_, name) => values[name]); }

// The view is in the address, and the other language's link takes it along.
function keep(changes) {
  for (const [key, value] of Object.entries(changes)) {
    if (value) state.set(key, value);
    else state.delete(key);
  }
  const query = state.size ? `?${state.toString().replaceAll("%2C", ",")}` : "";
  try { history.replaceState(null, "", location.pathname + query); } catch { /* a browser that forbids it on file: */ }
  languageLink.href = otherPage + query;
}
keep({});

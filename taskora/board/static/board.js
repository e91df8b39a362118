// Keeps an open page up to date, and makes confirmations dialogs. Everything works without it, one page load at a time.
import { morph } from "./morph.js";

const body = document.body;
const prefix = body.dataset.prefix;
const leastPause = Number(body.dataset.refresh);
const main = () => document.getElementById("main");

// Times

const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

function span(seconds) {
  if (seconds < 60) return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
  for (const [big, unit, small, part] of UNITS) {
    if (seconds < big) continue;
    const count = Math.floor(seconds / big), rest = Math.floor((seconds % big) / small);
    return rest && count < 10 ? `${count} ${unit} ${rest} ${part}` : `${count} ${unit}`;
  }
  return "0 s";
}

function tellTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const text = Math.abs(seconds) < 1 ? "now" : seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
    if (time.textContent !== text) time.textContent = text;
  }
}

// Notices

function notify(text) {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.textContent = text;
  document.querySelector("[data-notices]").append(notice);
  setTimeout(() => notice.remove(), 8000);
}

// Updates

const live = document.querySelector("[data-live]");
let paused = sessionStorage.getItem("taskora-paused") === "1";
let source = null;
let refreshing = null;
let wanted = false;
let last = performance.now();
let timer = 0;

function showLive(state) {
  live.dataset.state = paused ? "paused" : state;
  live.setAttribute("aria-pressed", String(!paused));
  live.querySelector("[data-live-text]").textContent = paused ? "Paused" : state === "lost" ? "Reconnecting" : "Live";
  body.classList.toggle("stale", state === "lost" && !paused);
}

async function fetchPart(address, options = {}) {
  const answer = await fetch(address, { headers: { "X-Taskora-Part": "main" }, credentials: "same-origin", ...options });
  if (answer.redirected && new URL(answer.url).pathname.endsWith("/login")) {
    location.assign(`${prefix}/login?redirect=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Error("signed out");
  }
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const part = parsed.getElementById("main");
  if (!part) throw new Error(`status ${answer.status}`);
  return [part, answer.status];
}

async function refresh() {
  const address = location.href;
  const [part, status] = await fetchPart(address);
  if (address !== location.href) return;
  if (status === 503) throw new Error("the server cannot be reached");
  const { watch } = main().dataset;
  morph(main(), part);
  if (main().dataset.watch !== watch) follow();
  document.title = part.dataset.title;
  tellTimes();
}

function schedule() {
  if (paused || document.hidden || refreshing || timer || !wanted) return;
  timer = setTimeout(run, Math.max(0, leastPause - (performance.now() - last)));
}

function run() {
  timer = 0;
  wanted = false;
  refreshing = refresh()
    .then(() => showLive(!main().dataset.watch || source?.readyState === EventSource.OPEN ? "on" : "polling"), () => { showLive("lost"); wanted = true; })
    .finally(() => { refreshing = null; last = performance.now(); schedule(); });
}

function want() {
  wanted = true;
  schedule();
}

function follow() {
  if (source) source.close();
  source = null;
  const watch = main().dataset.watch;
  if (paused || !watch) return showLive("on");
  const query = new URLSearchParams({ watch });
  source = new EventSource(`${prefix}/live?${query}`);
  source.addEventListener("open", () => { showLive("on"); want(); });
  source.addEventListener("changed", want);
  source.addEventListener("error", ({ target }) => {
    showLive("lost");
    if (target.readyState === EventSource.CLOSED) want(); // refused, as when the session is over: the page says why
  });
}

// What no event tells of, and when no event can come.
setInterval(() => {
  if (!main().dataset.watch || paused) return;
  if (!source || source.readyState === EventSource.CLOSED) { follow(); want(); }
}, Math.max(leastPause, 5000));
setInterval(tellTimes, 1000);

live.addEventListener("click", () => {
  paused = !paused;
  sessionStorage.setItem("taskora-paused", paused ? "1" : "0");
  follow();
  if (!paused) want();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) schedule(); });

// Confirmations

const dialog = document.querySelector("[data-dialog]");

async function ask(address) {
  try {
    const [part] = await fetchPart(address);
    dialog.replaceChildren(...part.childNodes);
    const form = dialog.querySelector("form");
    if (form) form.action = address;
    if (!dialog.open) dialog.showModal();
    (dialog.querySelector("input:not([type=hidden]), textarea, select") ?? dialog.querySelector("button"))?.focus();
  } catch {
    location.assign(address);
  }
}

async function confirm(form) {
  const button = form.querySelector("button[type=submit]");
  const trouble = form.querySelector("[data-error]");
  button.disabled = true;
  trouble.hidden = true;
  try {
    const answer = await fetch(form.action || location.href, {
      method: "POST", headers: { Accept: "application/json" }, credentials: "same-origin",
      body: new URLSearchParams(new FormData(form)),
    });
    if (answer.status === 401) return location.reload(); // the session is over: signing in comes first
    const said = await answer.json();
    if (!said.ok) throw new Error(said.error);
    if (dialog.open) dialog.close();
    notify(said.message);
    if (said.back) return location.assign(said.back);
    if (!form.closest("dialog")) return location.assign(form.querySelector("[data-close]").href);
    want();
  } catch (error) {
    trouble.textContent = error.message;
    trouble.hidden = false;
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("a, button");
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (target.matches("[data-ask]")) {
    event.preventDefault();
    ask(target.href);
  } else if (target.matches("dialog [data-close]")) {
    event.preventDefault();
    target.closest("dialog").close();
  } else if (target.matches("[data-help]")) {
    document.querySelector("[data-shortcuts]").showModal();
  } else if (target.matches("[data-theme-next]")) {
    nextTheme();
  }
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-confirm]")) return;
  event.preventDefault();
  confirm(event.target);
});
dialog.addEventListener("close", () => dialog.replaceChildren());

// Colours

function nextTheme() {
  const themes = ["auto", "light", "dark"];
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = themes[(themes.indexOf(now) + 1) % themes.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  document.querySelector("[data-theme-text]").textContent = next;
  document.querySelector('meta[name="color-scheme"]').content = next === "auto" ? "light dark" : next;
  document.cookie = `taskora_theme=${next}; path=${prefix}/; max-age=31536000; samesite=lax`;
}

// Keyboard

document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("a[role=button]")) {
    event.preventDefault();
    event.target.click();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("find").focus();
  } else if (event.key === "?") {
    document.querySelector("[data-shortcuts]").showModal();
  } else {
    document.querySelector(`.places a[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
});

for (const notice of document.querySelectorAll(".notice")) setTimeout(() => notice.remove(), 8000);
tellTimes();
follow();

// What lives on a page: parts that the server renders anew when something has changed, answers as they stream, and times
// that go on. Everything else works without it.
import { LiveConnection } from "./live.js";

const main = document.querySelector("main");
const notice = document.getElementById("connection");
const { follow, run } = main.dataset;
let next = Number(main.dataset.next ?? 0);
const beats = follow === "workers"; // heartbeats change this page alone
const units = (main.dataset.units ?? "s,min,h,d").split(",");
let lostTimer = 0;

// MARK: The stream

// Also on pages without live parts: it says that the session has ended.
function connect() {
  if (!("session" in main.dataset)) return;
  const tell = (port, type) => port.postMessage({ type, run: run ?? null, next, beats });
  if (window.SharedWorker) {
    try {
      const worker = new SharedWorker(new URL("./worker.js", import.meta.url), { type: "module", name: "runnel" });
      worker.onerror = () => connectAlone();
      worker.port.onmessage = ({ data }) => receive(data);
      tell(worker.port, "subscribe");
      addEventListener("pagehide", () => tell(worker.port, "leave"));
      addEventListener("pageshow", (event) => {
        if (event.persisted) tell(worker.port, "subscribe");
      });
      // With the subscription, because the worker forgets a tab that was silent for minutes.
      setInterval(() => tell(worker.port, "here"), 50_000);
      return;
    } catch {
      // Not available here, for example in a private window.
    }
  }
  connectAlone();
}

// Without a shared worker a tab has its own stream, and only while it is seen: hidden ones take no connection.
function connectAlone() {
  const connection = new LiveConnection();
  const update = () => {
    if (document.hidden) connection.unsubscribe(receive);
    else connection.subscribe(receive, run ?? null, next, beats);
  };
  document.addEventListener("visibilitychange", () => {
    update();
    if (!document.hidden) refreshSoon();
  });
  update();
}

function say(text) {
  notice.textContent = text;
  notice.hidden = false;
}

function stopLostTimer() {
  clearTimeout(lostTimer);
  lostTimer = 0;
}

function receive(message) {
  if (message.type === "lost") {
    // The server may be back but reject the session.
    if (!notice.hidden) refreshSoon();
    lostTimer ||= setTimeout(() => say(notice.dataset.lost), 2000);
  } else if (message.type === "signed-out") {
    stopLostTimer();
    say(notice.dataset.ended);
  } else if (message.type === "connected") {
    stopLostTimer();
    notice.hidden = true;
    // The stream tells nothing of what has changed between the page and its own beginning.
    if (follow || message.wasLost) refreshSoon();
  } else if ((message.type === "change" || message.type === "beat") && follow) {
    refreshSoon();
  } else if (message.type === "run" && message.event.number >= next) {
    next = message.event.number + 1;
    happened(message.event);
  }
}

// MARK: Answers

const texts = []; // what came since the last rendering by the server

function happened(event) {
  if (event.event === "step-text") {
    texts.push(event);
    if (texts.length > 20_000) texts.splice(0, 10_000);
    for (const answer of answers(event)) append(answer, event.text);
    if (!main.querySelector(`[data-answer="${CSS.escape(event.step)}"]`)) refreshSoon();
    return;
  }
  if (event.event === "step-started") for (const answer of answers(event)) answer.textContent = "";
  refreshSoon();
}

// The answers that an event changes. One that was rendered with the event already holds it: the stream may be behind.
const answers = ({ step, number }) =>
  [...main.querySelectorAll(`[data-answer="${CSS.escape(step)}"]`)].filter((answer) => number >= (answer.next ?? 0));

function append(answer, text) {
  // The reader who has scrolled up stays where they are.
  const isAtEnd = answer.scrollHeight - answer.scrollTop - answer.clientHeight < 32;
  const last = answer.lastChild;
  if (last?.nodeType === Node.TEXT_NODE && last.length < 16_384) last.appendData(text);
  else answer.append(text);
  while (answer.childNodes.length > 64) answer.firstChild.remove();
  if (isAtEnd) answer.scrollTop = answer.scrollHeight;
}

// MARK: Rendering anew

let refreshTimer = 0;
let isStale = false;
let isRefreshing = false;

function refreshSoon() {
  if (document.hidden) {
    isStale = true;
    return;
  }
  refreshTimer ||= setTimeout(refresh, 300);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && isStale) {
    isStale = false;
    refreshSoon();
  }
});

// "5 min ago" becomes wrong without any change.
if (follow) setInterval(refreshSoon, 60_000);

async function refresh() {
  refreshTimer = 0;
  if (isRefreshing) return refreshSoon();
  isRefreshing = true;
  try {
    const first = rowList()?.dataset.first;
    const response = await fetch(isFollowing ? location.href : rowsAt(first), { redirect: "manual" });
    // Redirected to the sign-in page.
    if (response.type === "opaqueredirect") return say(notice.dataset.ended);
    const isGone = [403, 404].includes(response.status) && main.querySelector("[data-live]") !== null;
    if (isGone) say(notice.dataset.gone);
    if (!response.ok) return;
    if (notice.textContent === notice.dataset.gone) notice.hidden = true;
    const answeredAt = performance.now();
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    setServerNow(page.querySelector("main"), answeredAt);
    const rendered = Number(page.querySelector("main")?.dataset.next ?? Infinity);
    for (const part of main.querySelectorAll("[data-live][id]")) {
      const fresh = page.getElementById(part.id);
      // The reader has scrolled to other rows meanwhile.
      if (part.id === "steps" && !isFollowing && rowList()?.dataset.first !== first) continue;
      if (fresh && part.id === "steps") drawRows(part, fresh);
      else if (fresh) morph(part, fresh);
    }
    // What came while the server rendered is not in a new answer yet.
    const late = texts.filter((event) => event.number >= rendered);
    for (const answer of main.querySelectorAll("[data-answer][data-new]")) {
      answer.removeAttribute("data-new");
      answer.next = rendered;
      for (const event of late) if (event.step === answer.dataset.answer) append(answer, event.text);
    }
    texts.length = 0;
    texts.push(...late);
    tick();
  } catch {
    // The stream says that the server is gone.
  } finally {
    isRefreshing = false;
  }
}

const key = (node) => node.id || node.dataset?.row || node.dataset?.run || node.dataset?.step || node.dataset?.answer || "";

// Changes `from` to what `to` is, and leaves alone what is equal: focus, selections and what was unfolded stay.
function morph(from, to) {
  if (from.dataset?.answer && from.dataset.answer === to.dataset?.answer) return;
  // A form that is being sent is the same one.
  if (from.name === "form-id" && to.name === "form-id") return;
  for (const { name } of [...from.attributes]) {
    // `style` and `data-sent` are what this script has set.
    if (name === "style" || name === "data-sent" || (name === "open" && from.nodeName === "DETAILS")) continue;
    if (!to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of [...to.attributes]) {
    if (name === "open" && from.nodeName === "DETAILS") continue;
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  if (from.nodeName === "SELECT" || from.nodeName === "TEXTAREA") return;
  // What is gone is removed first, so that what stays is not moved: moving takes the focus away.
  const wanted = new Set([...to.children].map(key));
  const keyed = new Map();
  const selected = new Set(); // rows that stay, although they are gone from the list
  for (const child of [...from.children]) {
    if (!key(child)) continue;
    if (wanted.has(key(child))) keyed.set(key(child), child);
    else if (child.querySelector("input:checked")) {
      selected.add(child);
      // Its state is that of before, so its clock stands.
      for (const clock of child.querySelectorAll("[data-since]")) delete clock.dataset.since;
    } else child.remove();
  }
  const afterSelected = (node) => {
    while (selected.has(node)) node = node.nextSibling;
    return node;
  };
  let at = from.firstChild;
  for (const child of [...to.childNodes]) {
    const next = afterSelected(at);
    const same = child.nodeType === Node.ELEMENT_NODE && key(child) ? keyed.get(key(child)) : null;
    if (same && same.nodeName === child.nodeName) {
      keyed.delete(key(child));
      if (same !== next) from.insertBefore(same, at);
      else at = same.nextSibling;
      morph(same, child);
    } else if (next && next.nodeType === child.nodeType && next.nodeName === child.nodeName && !(next.nodeType === Node.ELEMENT_NODE && (key(next) || key(child)))) {
      if (next.nodeType !== Node.ELEMENT_NODE) { if (next.data !== child.data) next.data = child.data; }
      else morph(next, child);
      at = next.nextSibling;
    } else {
      const copy = document.importNode(child, true);
      if (copy.nodeType === Node.ELEMENT_NODE) {
        for (const answer of [copy, ...copy.querySelectorAll("[data-answer]")]) {
          if (answer.dataset?.answer) answer.setAttribute("data-new", "");
        }
      }
      from.insertBefore(copy, at);
    }
  }
  while ((at = afterSelected(at))) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

// MARK: The steps of a long run

// The list holds a window of the rows; the others are the space above and below it. Scrolling loads the rows around those
// that are seen, and removes the ones far away.
const nearEnd = 50; // how many rows before the end of the window the next ones are loaded
let isFollowing = true; // until the reader scrolls, the selected step is kept in view
let placedAt = 0; // where this script has scrolled the list to
let drawnAt = performance.now();
let isLoadingRows = false;

const rowList = () => main.querySelector(".fall > ol");

// The address of this page with other rows.
function rowsAt(first, view) {
  const url = new URL(location.href);
  url.hash = "";
  if (first !== undefined) url.searchParams.set("row", first);
  if (view) url.searchParams.set("view", view);
  return url;
}

function drawRows(part, fresh) {
  const list = rowList();
  const focused = list?.contains(document.activeElement) ? document.activeElement : null;
  morph(part, fresh);
  drawnAt = performance.now();
  placeRows();
  if (focused && !focused.isConnected) rowList()?.focus({ preventScroll: true });
}

function placeRows() {
  const list = rowList();
  if (!list) return;
  const [first, count] = [Number(list.dataset.first), Number(list.dataset.count)];
  // 6px and 3em are those of the style sheet.
  list.style.paddingTop = `calc(6px + ${first} * 3em)`;
  list.style.paddingBottom = `calc(6px + ${Math.max(0, count - first - list.children.length)} * 3em)`;
  const pages = main.querySelector("#steps .pages");
  if (pages) pages.hidden = true;
  if (!isFollowing) return;
  const height = list.firstElementChild?.offsetHeight ?? 0;
  const current = list.querySelector("[aria-current]")?.closest("[data-row]");
  const top = 6 + Number(current?.dataset.row ?? first) * height;
  const box = list.parentElement;
  if (top < box.scrollTop || top + height > box.scrollTop + box.clientHeight) {
    box.scrollTop = current ? top - (box.clientHeight - height) / 2 : top;
  }
  placedAt = box.scrollTop;
  // The address names other rows.
  if (!current) isFollowing = false;
}

main.addEventListener("scroll", ({ target }) => {
  if (!target.classList?.contains("fall")) return;
  if (Math.abs(target.scrollTop - placedAt) > 1) isFollowing = false;
  loadRows();
}, { capture: true, passive: true });

async function loadRows() {
  const list = rowList();
  if (!list || isLoadingRows) return;
  const height = list.firstElementChild?.offsetHeight ?? 0;
  if (!height) return;
  const [first, count, size] = [Number(list.dataset.first), Number(list.dataset.count), Number(list.dataset.size)];
  const end = first + list.children.length;
  const { scrollTop, clientHeight } = list.parentElement;
  const top = Math.floor(scrollTop / height);
  const bottom = top + Math.ceil(clientHeight / height);
  const isNear = (first > 0 && top < first + nearEnd) || (end < count && bottom > end - nearEnd);
  const wanted = Math.max(0, Math.min(Math.round((top + bottom - size) / 2), count - size));
  if (!isNear || wanted === first) return;
  isLoadingRows = true;
  let isDrawn = false;
  try {
    const response = await fetch(rowsAt(wanted, "rows"), { redirect: "manual" });
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("steps");
    const part = document.getElementById("steps");
    if (part && fresh) drawRows(part, fresh);
    isDrawn = Boolean(fresh);
    tick();
  } catch {
    // The stream says that the server is gone; the next scrolling tries again.
  } finally {
    isLoadingRows = false;
  }
  if (isDrawn) loadRows();
}

// The bars of what goes on grow, and the others shrink.
function stretch() {
  const list = rowList();
  const span = Number(list?.dataset.span);
  if (!span) return;
  const width = (1000 * (span + performance.now() - drawnAt)) / span;
  for (const drawing of list.querySelectorAll("svg")) drawing.setAttribute("viewBox", `0 0 ${width.toFixed(1)} 18`);
  for (const bar of list.querySelectorAll("[data-growing]")) {
    bar.setAttribute("width", (width - Number(bar.getAttribute("x"))).toFixed(1));
  }
}

// MARK: Times

// The server's clock: that of the browser may be wrong.
let serverNow = Number(main.dataset.now);
let serverNowAt = performance.now();

function setServerNow(rendered, at) {
  if (!rendered?.dataset.now) return;
  serverNow = Number(rendered.dataset.now);
  serverNowAt = at;
}

function tick() {
  const now = serverNow + performance.now() - serverNowAt;
  for (const span of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, (now - Date.parse(span.dataset.since)) / 1000);
    const text = (span.dataset.words ?? "{0}").replace("{0}", took(seconds));
    if (span.textContent !== text) span.textContent = text;
  }
  stretch();
}

function took(seconds) {
  const [second, minute, hour, day] = units;
  if (seconds < 59.5) return `${Math.floor(seconds)} ${second}`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} ${minute} ${whole % 60} ${second}`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} ${hour} ${Math.floor((whole % 3600) / 60)} ${minute}`;
  return `${Math.floor(whole / 86_400)} ${day} ${Math.floor((whole % 86_400) / 3600)} ${hour}`;
}

setInterval(() => { if (!document.hidden && document.querySelector("[data-since]")) tick(); }, 1000);

// MARK: Forms

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) return event.preventDefault();
  if (event.target.method === "post") {
    event.target.dataset.sent = "true";
    setTimeout(() => delete event.target.dataset.sent, 5000);
  }
});

// Forms of a page from the back-forward cache get new ids, so that sending one again starts another run, and have nothing
// selected, as after loading the page.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const field of document.querySelectorAll('input[name="form-id"]')) field.value = `${Date.now()}-${Math.random()}`;
  for (const box of document.querySelectorAll("input:checked")) box.checked = false;
});

// The address loses what a form did, so that loading the page again does not say it again.
const here = new URL(location.href);
if (here.searchParams.has("done")) {
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

for (const answer of main.querySelectorAll("[data-answer]")) answer.scrollTop = answer.scrollHeight;
placeRows();
loadRows();
connect();

"use strict";
// The admin page: asks /state and /sessions again and again, closes sessions, begins a drain.

const EVERY = 2000; // ms between two looks
const POINTS = 120; // four minutes of them
const WINDOW = 5; // looks that a rate is made of: ten seconds
const STEP = 100; // sessions shown at first, and how many more each time
const LIMIT = 1000; // the most that /sessions gives
const TOKEN = "session-sidecar admin token";

const way = document.documentElement.dataset.way;
const by = (id) => document.getElementById(id);

const perSecond = { name: "", shown: (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toString()) };
const count = { name: "", shown: (value) => Math.round(value).toString() };
const plots = {
  rate: new Plot(by("rate"), "Requests per second", [{ ...perSecond, name: "all" }, { ...perSecond, name: "failed" }], POINTS),
  latency: new Plot(by("latency"), "Time to the last byte", [{ name: "p50", shown: time }, { name: "p99", shown: time }], POINTS),
  live: new Plot(by("live"), "Live sessions, requests in flight", [{ ...count, name: "sessions" }, { ...count, name: "in flight" }], POINTS),
  overhead: new Plot(by("overhead"), "The sidecar's own share", [{ name: "p50", shown: time }, { name: "p99", shown: time }], POINTS),
};

let looks = []; // the last states, oldest first
let sessions = [];
let clockAhead = 0; // of the sidecar's clock, in seconds
let shownLimit = STEP;
let timer = 0;
let latest = 0; // number of the last look
let failedSince = null;

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(path, { method, headers, cache: "no-store", redirect: "error" });
  const text = await response.text();
  const said = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Refused(response.status, said?.error?.message ?? `status ${response.status}`);
  return said;
}

// A new one makes the one under way void: its answers are older.
async function look() {
  const mine = ++latest;
  clearTimeout(timer);
  timer = 0;
  try {
    const wanted = `sessions?limit=${shownLimit}&after=${before(prefix())}`;
    const [state, page] = await Promise.all([call("GET", "state"), call("GET", wanted)]);
    if (mine !== latest) return;
    failedSince = null;
    trouble("");
    clockAhead = state.now - Date.now() / 1000;
    sessions = page.sessions;
    by("more").hidden = !page.next?.startsWith(prefix()) || shownLimit >= LIMIT;
    note(state);
    showState(state);
    showSessions();
  } catch (error) {
    if (mine !== latest) return;
    if (error instanceof Refused && error.status === 401) return askToken(true);
    failedSince ??= new Date();
    const why = error instanceof Refused ? error.message : "it may have ended";
    trouble(`No answer since ${failedSince.toLocaleTimeString()}: ${why}`);
    if (!(error instanceof Refused)) badge("no answer", "bad");
  }
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

function note(state) {
  looks.push(state);
  looks = looks.slice(-WINDOW - 1);
  const [first, last] = [looks[0], state];
  const seconds = last.now - first.now;
  if (seconds <= 0 || last.uptime < first.uptime) {
    looks = [state]; // a new process counts from 0
    return;
  }
  const more = (of) => of(last.sums) - of(first.sums);
  const all = more((sums) => Object.values(sums.codes).reduce((sum, each) => sum + each, 0));
  const failed = more((sums) => sums.codes["5xx"] + sums.codes.none);
  plots.rate.add([all / seconds, failed / seconds]);
  plots.latency.add(spread(first.sums.duration, last.sums.duration));
  plots.live.add([last.sessions.active, last.sums.in_flight]);
  plots.overhead.add(spread(first.sums.overhead, last.sums.overhead));
}

function spread(before, after) {
  const counts = after.counts.map((each, index) => Math.max(0, each - before.counts[index]));
  return [quantile(0.5, after.bounds, counts), quantile(0.99, after.bounds, counts)];
}

function showState(state) {
  badge(state.state, { ready: "good", draining: "doubt" }[state.state] ?? "bad");
  by("version").textContent = state.version;
  const workers = state.workers > 1 ? `, ${state.workers} workers` : "";
  by("about").textContent = `${state.dialects.join(", ")} on ${state.store}${workers}, up ${span(state.uptime)}`;
  const most = state.sessions.max === null ? "" : ` of ${state.sessions.max}`;
  by("count").textContent = `${state.sessions.active}${most} live`;
  by("drain").disabled = state.state === "draining";
  by("engines-title").textContent = state.replicas.length > 1 ? "Engines" : "Engine";
  by("engines").replaceChildren(...state.replicas.map(engine));
}

function engine(replica) {
  const item = document.createElement("li");
  const [word, kind] = replica.lost ? ["lost", "bad"] : replica.ready ? ["ready", "good"] : ["not ready", "bad"];
  item.append(text("span", word, `badge ${kind}`), text("code", replica.address, ""));
  if ("sessions" in replica) {
    const faults = replica.ejected ? `${replica.faults} faults, set aside` : `${replica.faults} faults`;
    const told = `${replica.sessions} sessions, ${replica.in_flight} in flight, ${replica.requests} requests, ${faults}`;
    item.append(text("span", told, "faint"));
  }
  return item;
}

// What ids may begin with (botocore's sagemaker-runtime model).
function prefix() {
  return by("filter").value.replace(/[^A-Za-z0-9-]/g, "");
}

// A text that sorts behind all ids which sort before those of that prefix: ids have no "~".
function before(wanted) {
  if (!wanted) return "";
  const last = wanted.length - 1;
  return encodeURIComponent(wanted.slice(0, last) + String.fromCharCode(wanted.charCodeAt(last) - 1) + "~");
}

function showSessions() {
  const found = sessions.filter((session) => session.id.startsWith(prefix()));
  const body = by("sessions");
  const rows = new Map([...body.rows].map((row) => [row.dataset.id, row]));
  const hadFocus = body.contains(document.activeElement);
  // A row that stays is not made anew, so that a button keeps the focus.
  found.forEach((session, index) => {
    const row = rows.get(session.id) ?? makeRow(session);
    rows.delete(session.id);
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  rows.forEach((row) => row.remove());
  if (hadFocus && !body.contains(document.activeElement)) by("sessions-title").focus();
  by("none").hidden = found.length > 0;
  by("none").textContent = prefix() ? "No session begins with that." : "No session.";
  tick();
}

function makeRow(session) {
  const row = document.createElement("tr");
  row.dataset.id = session.id;
  const name = document.createElement("th");
  name.scope = "row";
  const id = text("span", session.id.length > 12 ? `${session.id.slice(0, 8)}…` : session.id, "id");
  id.title = session.id;
  name.append(id);
  if (session.replica) name.append(text("span", session.replica.replace("http://", ""), "where"));
  const button = text("button", "Close…", "");
  button.type = "button";
  button.setAttribute("aria-label", `Close session ${session.id}`);
  button.addEventListener("click", () => askClose(session.id));
  const last = document.createElement("td");
  last.append(button);
  row.append(name, text("td", "", "age"), text("td", "", "left"), last);
  row.times = [session.created, session.expires];
  return row;
}

function tick() {
  const now = Date.now() / 1000 + clockAhead;
  for (const row of by("sessions").rows) {
    const [created, expires] = row.times;
    row.cells[1].textContent = span(now - created);
    row.cells[2].textContent = expires > now ? span(expires - now) : "now";
  }
}

async function askClose(id) {
  const words = `Its client gets “session not found” from then on: ${id}`;
  if (!(await confirmed("Close this session?", words, "Close session"))) return;
  try {
    await call("DELETE", `sessions/${encodeURIComponent(id)}`);
    news(`Session ${id.slice(0, 8)} is closed.`);
  } catch (error) {
    news(`Session ${id.slice(0, 8)} was not closed: ${error.message}`);
  }
  look();
}

async function askDrain() {
  const words = "It takes no new connections soon, lets running answers finish, and ends. Nothing here starts it again.";
  if (!(await confirmed("Drain this sidecar?", words, "Drain and stop"))) return;
  try {
    await call("POST", "drain");
    news("The drain has begun.");
  } catch (error) {
    news(`The drain has not begun: ${error.message}`);
  }
  look();
}

function confirmed(title, words, yes) {
  const dialog = by("ask");
  by("ask-title").textContent = title;
  by("ask-text").textContent = words;
  by("ask-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "yes"), { once: true });
  });
}

function askToken(wasRefused) {
  const had = sessionStorage.getItem(TOKEN) !== null;
  sessionStorage.removeItem(TOKEN);
  by("login-wrong").hidden = !(wasRefused && had);
  by("token").value = "";
  if (!by("login").open) by("login").showModal();
}

function begin() {
  setInterval(tick, 1000);
  by("ask-no").addEventListener("click", () => by("ask").close(""));
  by("ask-yes").addEventListener("click", () => by("ask").close("yes"));
  by("drain").addEventListener("click", askDrain);
  by("filter").addEventListener("input", () => {
    showSessions();
    look();
  });
  by("more").addEventListener("click", () => {
    shownLimit = Math.min(LIMIT, shownLimit + STEP);
    look();
  });
  by("login").addEventListener("cancel", (event) => event.preventDefault()); // nothing to see without
  by("login-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(TOKEN, by("token").value.trim());
    by("login").close();
    look();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !timer && !by("login").open) look();
  });
  if (way === "shut") {
    badge("closed", "bad");
    trouble("This port is open to other machines and has no token: set SIDECAR_ADMIN_TOKEN_FILE.");
  } else if (way === "token" && sessionStorage.getItem(TOKEN) === null) {
    askToken(false);
  } else {
    look();
  }
}

function badge(word, kind) {
  by("state").textContent = word;
  by("state").className = `badge ${kind}`;
}

function trouble(words) {
  by("trouble").hidden = !words;
  if (by("trouble").textContent !== words) by("trouble").textContent = words;
}

function news(words) {
  by("news").textContent = words;
}

function text(tag, words, kind) {
  const made = document.createElement(tag);
  made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

function time(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(1)} s`;
}

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

begin();

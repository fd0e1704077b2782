"use strict";

// Whatever arrived is put into the page as text, never as HTML.

const COLUMNS = {
  users: [["Identity", "key"], ["Properties", ""]],
  accounts: [["Account ID", "key"], ["Properties", ""]],
  events: [["Event", "event"], ["Who", "key"], ["Properties", ""]],
  requests: [["No.", "few right"], ["At", "narrow"], ["Endpoint", "middle"], ["App ID", "id"], ["Items", "few right"],
    ["Bytes", "narrow right"], ["Answer", ""]],
};
const NOTHING = {
  users: "No users yet.", accounts: "No accounts yet.", events: "No events yet.", requests: "No requests yet.",
};
const LONG = 160; // characters of a value that stand open
const MANY = 8; // properties that stand open
const EVERY = 500; // milliseconds between two looks

const $ = (id) => document.getElementById(id);
const form = $("faults");
const state = { kind: "users", appId: "", search: "", page: 0 };
let overview = null;
let shown = ""; // what the table shows, and of which revision
let drawn = new Map(); // the rows of the table, by what they say
let edited = false; // the form holds what was not sent yet
let looking = 0; // the last look at the server

function element(name, content, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...[content].flat());
  return made;
}

function text(value) {
  // bdi: right-to-left text must not turn its neighbours around.
  return element("bdi", typeof value === "string" ? value : JSON.stringify(value));
}

function cell(value) {
  const whole = typeof value === "string" ? value : JSON.stringify(value);
  if (whole.length <= LONG) return text(value);
  const start = Array.from(whole).slice(0, LONG - 40).join("");
  const summary = element("summary", [element("bdi", start + "… ", "start"), element("span", `${whole.length} characters`, "more")]);
  return element("details", [summary, text(value)]);
}

function list(pairs) {
  return element("dl", pairs.flatMap(([name, value]) => [
    element("dt", text(name)),
    element("dd", cell(value), typeof value === "number" ? "number" : ""),
  ]));
}

function properties(found) {
  const pairs = Object.entries(found || {});
  if (!pairs.length) return element("span", "none", "note");
  if (pairs.length <= MANY + 1) return list(pairs);
  const rest = element("details", [
    element("summary", element("span", `${pairs.length - MANY} more`, "more")), list(pairs.slice(MANY)),
  ]);
  return [list(pairs.slice(0, MANY)), rest];
}

function cells(row) {
  if (state.kind === "users" || state.kind === "accounts") return [[cell(row.key)], [properties(row.properties)]];
  if (state.kind === "events") {
    const who = row.identity ?? row.user_id;
    const about = [row.timestamp ?? "on arrival", row.idempotency_key && `key ${row.idempotency_key}`,
      row.session_id && `session ${row.session_id}`];
    return [[[cell(row.event), ...about.filter(Boolean).map((line) => element("p", text(line), "about"))]],
      [[cell(who), ...(row.identity === undefined ? [element("p", "user ID", "about")] : [])]], [properties(row.properties)]];
  }
  const answer = row.status ? `${row.status} ` : "connection cut ";
  return [[number(row.number), "right"], [new Date(row.at * 1000).toLocaleTimeString("en-GB"), "mono"],
    [row.path], [text(row.app_id), "mono"], [number(row.items), "right"], [number(row.size), "right"],
    [[element("span", answer, row.taken && row.status ? "good" : "bad"), cell(row.text)]]];
}

const number = (value) => value.toLocaleString("en-US");

function draw(found) {
  const before = drawn;
  drawn = new Map();
  for (const row of found.rows) {
    const name = `${state.kind} ${row.number ?? row.key}`;
    const says = JSON.stringify(row);
    // A row that says the same stays as it is, with what was opened in it.
    const old = before.get(name);
    const tr = old?.says === says ? old.tr : element("tr", cells(row).map(([content, look]) => element("td", content, look)));
    if (before.size && old?.tr !== tr) tr.className = "new";
    drawn.set(name, { says, tr });
  }
  $("rows").replaceChildren(...[...drawn.values()].map(({ tr }) => tr));
  $("nothing").hidden = found.rows.length > 0;
  $("nothing").textContent = state.search ? "Nothing here holds that text." : NOTHING[state.kind];
  $("newer").disabled = state.page === 0;
  $("older").disabled = !found.more;
  $("page").textContent = `page ${state.page + 1}, newest first`;
  document.querySelector(".pages").hidden = state.page === 0 && !found.more;
  $("told").textContent = state.page ? "New arrivals show on the first page." : "";
}

function drawOverview() {
  const held = overview.environments.find((each) => each.app_id === state.appId) || overview.environments[0] || {};
  if (held.app_id && state.appId !== held.app_id) state.appId = held.app_id;
  for (const tab of $("kinds").children) {
    const chosen = tab.dataset.kind === state.kind;
    const count = tab.dataset.kind === "requests" ? overview.requests : held[tab.dataset.kind] || 0;
    tab.lastElementChild.textContent = number(count);
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${state.kind}`);
  $("environment-label").hidden = overview.environments.length < 2 || state.kind === "requests";
  if ($("environment").length !== overview.environments.length) {
    $("environment").replaceChildren(...overview.environments.map(({ app_id }) => new Option(app_id, app_id)));
  }
  $("environment").value = state.appId;
  const notTaken = overview.refused ? `, ${number(overview.refused)} not taken` : "";
  const repeats = held.duplicates ? `, events that came again: ${number(held.duplicates)}` : "";
  const appId = held.app_id ? `App ID ${held.app_id}: ` : "";
  document.title = overview.requests ? `Heap sandbox (${number(overview.requests)})` : "Heap sandbox";
  $("live").className = "live on";
  $("live").textContent = `live. ${appId}${number(overview.requests)} requests${notTaken}${repeats}`;
  if (!$("guesses").children.length) $("guesses").append(...overview.guesses.map((guess) => element("li", guess)));
  drawFaults();
}

function drawFaults() {
  const { faults, failed } = overview;
  const usual = { latency: 0, every: 1, refuse_status: 400 };
  let any = false;
  for (const field of form.elements) {
    if (!field.name) continue;
    const value = faults[field.name];
    const set = field.name === "refuse" ? value.length > 0 : Boolean(value ?? false) && value !== usual[field.name];
    any ||= set && !["every", "times", "seconds", "retry_after", "refuse_status"].includes(field.name);
    field.classList.toggle("set", set || (value === 0 && usual[field.name] !== 0));
    if (edited) continue;
    if (field.type === "checkbox") field.checked = value;
    else if (field.name === "refuse") field.value = value.join("\n");
    else field.value = value === usual[field.name] ? "" : value ?? "";
  }
  $("failing").textContent = !any ? "It does nothing wrong." : failed ? `It does wrong; ${number(failed)} requests failed.` : "It does wrong, as set here.";
  $("failing").className = any ? "bad" : "note";
}

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// Looks at once; returns how long the server took for it.
async function look() {
  const mine = ++looking;
  const started = performance.now();
  const found = await ask("/sandbox/overview");
  if (mine !== looking) return 0;
  overview = found;
  drawOverview();
  // What is on a further page would slip away from under one's eyes.
  const wanted = JSON.stringify([state, state.page ? "" : overview.revision]);
  if (wanted === shown) return 0;
  const query = new URLSearchParams({ kind: state.kind, app_id: state.appId, search: state.search, page: state.page });
  const rows = await ask(`/sandbox/rows?${query}`);
  if (mine !== looking) return 0;
  shown = wanted;
  draw(rows);
  return performance.now() - started;
}

async function lookOn() {
  let took = 0;
  if (!document.hidden) {
    try {
      took = await look();
    } catch {
      $("live").className = "live off";
      $("live").textContent = "the sandbox does not answer";
      shown = "";
    }
  }
  // A search through much must not keep the sandbox busy.
  setTimeout(lookOn, Math.max(EVERY, 4 * took));
}

function change(values) {
  if (values.kind && values.kind !== state.kind) drawHead(values.kind);
  Object.assign(state, { page: 0 }, values);
  if (!("page" in values)) drawn = new Map();
  if (overview) drawOverview();
  look().catch(() => {});
}

function drawHead(kind) {
  $("head").replaceChildren(...COLUMNS[kind].map(([title, look]) => {
    const th = element("th", title, look);
    th.scope = "col";
    return th;
  }));
}

function faultsOfForm() {
  const found = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === "checkbox") found[field.name] = field.checked;
    else if (field.name === "refuse") found.refuse = field.value.split("\n").filter((line) => line.trim());
    else if (field.value !== "") found[field.name] = field.type === "number" ? Number(field.value) : field.value;
  }
  return found;
}

async function setFaults(faults, said) {
  const answer = $("answer");
  try {
    await ask("/sandbox/faults", faults);
    edited = false;
    answer.className = "good";
    answer.textContent = said;
    await look();
  } catch (error) {
    answer.className = "bad";
    answer.textContent = error.message;
  }
}

let typing = 0;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => change({ search: $("search").value }), 200);
});
$("kinds").addEventListener("click", (event) => {
  const tab = event.target.closest("button");
  if (tab) change({ kind: tab.dataset.kind });
});
$("kinds").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...$("kinds").children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  change({ kind: next.dataset.kind });
  next.focus();
});
$("environment").addEventListener("change", () => change({ appId: $("environment").value }));
$("newer").addEventListener("click", () => change({ page: state.page - 1 }));
$("older").addEventListener("click", () => change({ page: state.page + 1 }));
form.addEventListener("input", () => {
  edited = true;
  $("answer").className = "note";
  $("answer").textContent = "Not set yet.";
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  setFaults(faultsOfForm(), "Set.");
});
$("heal").addEventListener("click", () => setFaults({}, "No faults."));
$("forget").addEventListener("click", async () => {
  if (!confirm("Forget all users, accounts, events and requests that arrived?")) return;
  try {
    await ask("/sandbox/reset", {});
    change({ appId: "" });
  } catch {
    // The next look tells that the sandbox does not answer.
  }
});

$("address").textContent = location.origin;
drawHead(state.kind);
lookOn();

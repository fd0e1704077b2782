"use strict";

// Whatever arrived is put into the page as text, never as HTML.

const REQUESTS = "requests";
const DELETIONS = "deletions";
const REQUEST_COLUMNS = [["No.", "few right"], ["At", "narrow"], ["Endpoint", "middle"], ["App ID", "id"],
  ["Items", "few right"], ["Bytes", "narrow right"], ["Answer", ""]];
const DELETION_COLUMNS = [["No.", "few right"], ["At", "narrow"], ["Request ID", ""], ["App ID", "id"],
  ["Users", "few right"], ["Status", "narrow"]];
const LONG = 160; // characters of a value that are shown before it is opened
const MANY = 8; // properties that are shown before the rest is opened
const EVERY = 500; // milliseconds between two requests for news

const $ = (id) => document.getElementById(id);
const form = $("faults");
const state = { kind: "", appId: "", search: "", page: 0, key: "" };
let overview = null;
let shown = ""; // what the table shows, and of which revision
let drawn = new Map(); // the rows of the table, by name
let edited = false; // the form has values that are not sent yet
let lastLook = 0; // the number of the last request for news

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

function properties(values) {
  const pairs = Object.entries(values || {});
  if (!pairs.length) return element("span", "none", "note");
  if (pairs.length <= MANY + 1) return list(pairs);
  const rest = element("details", [
    element("summary", element("span", `${pairs.length - MANY} more`, "more")), list(pairs.slice(MANY)),
  ]);
  return [list(pairs.slice(0, MANY)), rest];
}

// "idempotency_key" becomes "Idempotency key", and "account_id" "Account ID".
const title = (name) => (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ").replace(/\bid$/, "ID");

const objectOf = (kind) => overview.objects.find((object) => object.kind === kind);

function columns(kind) {
  if (kind === REQUESTS) return REQUEST_COLUMNS;
  if (kind === DELETIONS) return DELETION_COLUMNS;
  const object = objectOf(kind);
  if (!object.write_once) return [[title(object.key), "key"], ["Properties", ""]];
  return [[title(object.fields[0]), "event"], ["Who", "key"], ["Properties", ""]];
}

// A button that shows the requests which brought a user, an account or an event.
function follow(key) {
  const button = element("button", "Its requests", "follow");
  button.type = "button";
  button.addEventListener("click", () => change({ kind: REQUESTS, search: "", key }));
  return button;
}

function cells(row) {
  if (state.kind === REQUESTS) return requestCells(row);
  if (state.kind === DELETIONS) return deletionCells(row);
  const object = objectOf(state.kind);
  if (!object.write_once) return [[[cell(row.key), follow(row.key)]], [properties(row.properties)]];
  const person = object.person_fields.find((name) => row[name] !== undefined);
  const others = object.fields.slice(1).filter((name) => !object.person_fields.includes(name));
  const about = others.map((name) => {
    if (name === "timestamp") return row.timestamp ?? "on arrival";
    return row[name] && `${name === object.key ? "key" : name.replace(/_id$/, "")} ${row[name]}`;
  });
  const note = person === object.person_fields[0] ? [] : [element("p", title(person ?? "nobody").toLowerCase(), "about")];
  return [[[cell(row[object.fields[0]]), ...about.filter(Boolean).map((line) => element("p", text(line), "about")),
    follow(row[object.key] ?? row[person] ?? "")]],
    [[cell(row[person] ?? ""), ...note]], [properties(row.properties)]];
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

function deletionCells(row) {
  return [[number(row.number), "right"], [clock(row.at), "mono"], [text(row.id), "mono"], [text(row.app_id), "mono"],
    [number(row.users), "right"], [row.status, row.status === "complete" ? "good" : ""]];
}

function requestCells(row) {
  const answer = row.status ? `${row.status} ` : "connection cut ";
  const open = element("button", number(row.number), "open");
  open.type = "button";
  open.setAttribute("aria-expanded", "false");
  open.setAttribute("aria-label", `Request ${number(row.number)}`);
  open.title = "Show body and answer";
  return [[open, "right"], [clock(row.at), "mono"],
    [row.path], [text(row.app_id), "mono"], [number(row.items), "right"], [number(row.size), "right"],
    [[element("span", answer, row.taken && row.status ? "good" : "bad"), cell(row.text)]]];
}

// Opens a request below its row: what was sent, and what the sandbox said.
async function openRequest(tr, button) {
  const opened = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!opened));
  const entry = [...drawn.values()].find((each) => each.trs.includes(tr));
  if (opened) {
    entry.trs.pop().remove();
    return;
  }
  const details = element("tr", "", "details");
  entry.trs.push(details);
  tr.after(details);
  try {
    const request = await ask(`/sandbox/request?${new URLSearchParams({ number: button.textContent.replaceAll(",", "") })}`);
    const more = request.more ? [element("p", `and ${number(request.more)} more items`, "note")] : [];
    const taken = request.taken ? "its items were kept" : "nothing was kept";
    const td = element("td", [
      element("h3", "Body"), element("pre", text(JSON.stringify(request.body, null, 2))), ...more,
      element("h3", "Answer"), element("pre", text(`${request.status || "connection cut"} ${request.text}`)), element("p", taken, "note"),
    ]);
    td.colSpan = REQUEST_COLUMNS.length;
    details.replaceChildren(td);
  } catch {
    details.replaceChildren(element("td", "The sandbox does not answer.", "bad"));
  }
}

const number = (value) => value.toLocaleString("en-US");

// On a narrow screen a cell has its heading beside it.
function labelled([value, className], index) {
  const td = element("td", value, className);
  td.dataset.label = columns(state.kind)[index][0];
  return td;
}

function draw(answer) {
  const before = drawn;
  drawn = new Map();
  for (const row of answer.rows) {
    const name = `${state.kind} ${row.number ?? row.key}`;
    const content = JSON.stringify(row);
    // A row with the same content stays as it is, with the parts of it that were opened.
    const old = before.get(name);
    const trs = old?.content === content ? old.trs : [element("tr", cells(row).map(labelled))];
    if (before.size && old?.trs !== trs) trs[0].className = "new";
    drawn.set(name, { content, trs });
  }
  $("rows").replaceChildren(...[...drawn.values()].flatMap(({ trs }) => trs));
  $("empty").hidden = answer.rows.length > 0;
  $("empty").textContent = state.search ? "No row contains that text."
    : state.key ? "No request has it." : `No ${state.kind} yet.`;
  $("newer").disabled = state.page === 0;
  $("older").disabled = !answer.more;
  $("page").textContent = `page ${state.page + 1}, newest first`;
  document.querySelector(".pages").hidden = state.page === 0 && !answer.more;
  $("followed").hidden = !state.key;
  $("followed").firstElementChild.replaceChildren("Requests that have ", element("bdi", state.key, "key"));
  $("hint").textContent = state.page ? "New arrivals are shown on the first page." : "";
}

// One tab for each Heap object, one for deletions and one for requests.
function makeTabs() {
  for (const kind of [...overview.objects.map((object) => object.kind), DELETIONS, REQUESTS]) {
    const tab = element("button", [`${title(kind)} `, element("span", "")]);
    tab.id = `tab-${kind}`;
    tab.dataset.kind = kind;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "panel");
    $("kinds").append(tab);
  }
  state.kind = overview.objects[0].kind;
  drawHead(state.kind);
}

function drawOverview() {
  if (!$("kinds").children.length) makeTabs();
  const environment = overview.environments.find((each) => each.app_id === state.appId) || overview.environments[0] || {};
  if (environment.app_id && state.appId !== environment.app_id) state.appId = environment.app_id;
  for (const tab of $("kinds").children) {
    const chosen = tab.dataset.kind === state.kind;
    const ofAll = { [REQUESTS]: overview.requests, [DELETIONS]: overview.deletions };
    const count = ofAll[tab.dataset.kind] ?? environment[tab.dataset.kind] ?? 0;
    tab.lastElementChild.textContent = number(count);
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${state.kind}`);
  $("environment-label").hidden = overview.environments.length < 2 || [REQUESTS, DELETIONS].includes(state.kind);
  if ($("environment").length !== overview.environments.length) {
    $("environment").replaceChildren(...overview.environments.map(({ app_id }) => new Option(app_id, app_id)));
  }
  $("environment").value = state.appId;
  const refused = overview.refused ? `, ${number(overview.refused)} not accepted` : "";
  const repeats = environment.duplicates ? `, ${number(environment.duplicates)} repeated item${environment.duplicates === 1 ? "" : "s"} ignored` : "";
  const appId = environment.app_id ? `App ID ${environment.app_id}: ` : "";
  document.title = overview.requests ? `Heap sandbox (${number(overview.requests)})` : "Heap sandbox";
  $("live").className = "live on";
  $("live").textContent = `live. ${appId}${count(overview.requests, "request")}${refused}${repeats}`;
  if (!$("guesses").children.length) $("guesses").append(...overview.guesses.map((guess) => element("li", guess)));
  drawFaults();
}

function drawFaults() {
  const { faults, failed, left } = overview;
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
  $("failing").textContent = any ? remaining(faults, left, failed) : "All requests succeed.";
  $("failing").className = any ? "bad" : "note";
}

const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

// How often the faults have applied, and how often they still will.
function remaining(faults, left, failed) {
  const fails = faults.status !== null || faults.reset !== null;
  if (!fails) return "In force.";
  const so_far = `${count(failed, "request")} failed so far`;
  if (left.times === 0 || left.seconds === 0) return `No more requests fail: ${so_far}.`;
  const limits = [
    left.times !== null && `${number(left.times)} more will`,
    left.seconds !== null && `for ${Math.ceil(left.seconds)} s more`,
  ].filter(Boolean);
  return `In force: ${[so_far, ...limits].join(", ")}.`;
}

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// Asks for news and shows them; returns how many milliseconds the server took.
async function look() {
  const mine = ++lastLook;
  const started = performance.now();
  const answer = await ask("/sandbox/overview");
  if (mine !== lastLook) return 0;
  overview = answer;
  drawOverview();
  // New arrivals would move the rows of a further page while somebody reads them.
  const wanted = JSON.stringify([state, state.page ? "" : overview.revision]);
  if (wanted === shown) return 0;
  const query = new URLSearchParams({ kind: state.kind, app_id: state.appId, search: state.search, page: state.page, key: state.key });
  const rows = await ask(`/sandbox/rows?${query}`);
  if (mine !== lastLook) return 0;
  shown = wanted;
  draw(rows);
  return performance.now() - started;
}

async function keepLooking() {
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
  // A search through many rows must not keep the sandbox busy.
  setTimeout(keepLooking, Math.max(EVERY, 4 * took));
}

function change(values) {
  if (values.kind && values.kind !== state.kind) drawHead(values.kind);
  Object.assign(state, { page: 0 }, values.kind && { key: "" }, values);
  if ("search" in values) $("search").value = values.search;
  if (!("page" in values)) drawn = new Map();
  if (overview) drawOverview();
  look().catch(() => {});
}

function drawHead(kind) {
  $("head").replaceChildren(...columns(kind).map(([heading, className]) => {
    const th = element("th", heading, className);
    th.scope = "col";
    return th;
  }));
}

function faultsOfForm() {
  const faults = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === "checkbox") faults[field.name] = field.checked;
    else if (field.name === "refuse") faults.refuse = field.value.split("\n").filter((line) => line.trim());
    else if (field.value !== "") faults[field.name] = field.type === "number" ? Number(field.value) : field.value;
  }
  return faults;
}

async function setFaults(faults, message) {
  const answer = $("answer");
  try {
    await ask("/sandbox/faults", faults);
    edited = false;
    answer.className = "good";
    answer.textContent = message;
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
$("rows").addEventListener("click", (event) => {
  const button = event.target.closest("button.open");
  if (button) openRequest(button.closest("tr"), button);
});
$("all-requests").addEventListener("click", () => change({ kind: REQUESTS }));
$("newer").addEventListener("click", () => change({ page: state.page - 1 }));
$("older").addEventListener("click", () => change({ page: state.page + 1 }));
form.addEventListener("input", () => {
  edited = true;
  $("answer").className = "note";
  $("answer").textContent = "Not applied yet.";
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  setFaults(faultsOfForm(), "Applied.");
});
$("clear").addEventListener("click", () => setFaults({}, "All requests succeed."));
$("reset").addEventListener("click", async () => {
  if (!confirm("Delete everything that arrived?")) return;
  try {
    await ask("/sandbox/reset", {});
    change({ appId: "" });
  } catch {
    // The next request for news shows that the sandbox does not answer.
  }
});

$("address").textContent = location.origin;
keepLooking();

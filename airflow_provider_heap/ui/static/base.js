// What all views of the page share: React, requests, formats, small elements.

const { React } = globalThis;
export const { useCallback, useEffect, useMemo, useRef, useState } = React;
export const h = React.createElement;

const Router = globalThis.ReactRouterDOM;

/** An address of Airflow, below its base path. */
export const address = (path) => new URL(path, document.baseURI);

/** A path for links inside of Airflow's own router, which knows the base path itself. */
const inside = (url) => {
  const base = new URL(document.baseURI).pathname.replace(/\/$/, "");
  return (url.pathname.startsWith(base) ? url.pathname.slice(base.length) || "/" : url.pathname) + url.search;
};

export class RequestError extends Error {
  constructor(status, detail, code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new RequestError(0, "Airflow's API server could not be reached. Is it running, and are you online?");
  }
  if (response.status === 401) {
    location.assign(address(`api/v2/auth/login?next=${encodeURIComponent(location.href)}`));
    throw new RequestError(401, "Your session has ended.");
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const detail = typeof body.detail === "string" ? body.detail : response.statusText;
  throw new RequestError(response.status, detail || `The API server answered ${response.status}.`, body.code);
}

const withParams = (path, params) => {
  const url = address(path);
  for (const [name, value] of Object.entries(params)) {
    if (Array.isArray(value)) value.forEach((one) => url.searchParams.append(name, one));
    else if (value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  return url;
};

/** Ask one of this page's own routes. */
export const ask = (name, params = {}) => request(withParams(`heap/api/${name}`, params));

/** Ask Airflow's REST API. */
export const askAirflow = (path, params = {}) => request(withParams(`api/v2/${path}`, params));

export const postToAirflow = (path, body) =>
  request(address(`api/v2/${path}`), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/**
 * Load something, again when `keys` change, and every `seconds(data)` while somebody looks at the page.
 * Data stays on the page while newer is loaded; an error stays beside it.
 */
export function useLoaded(load, keys, seconds = () => 0) {
  const [state, setState] = useState({ data: undefined, error: undefined });
  const [turn, setTurn] = useState(0);
  const latest = useRef(0);
  const again = useCallback(() => setTurn((number) => number + 1), []);
  const shown = useRef("");
  const name = JSON.stringify(keys);
  useEffect(() => {
    const mine = ++latest.current;
    if (shown.current !== name) setState({ data: undefined, error: undefined });
    shown.current = name;
    load().then(
      (data) => mine === latest.current && setState({ data, error: undefined }),
      (error) => mine === latest.current && setState((old) => ({ data: old.data, error })),
    );
    return () => void latest.current++;
  }, [name, turn]);
  useEffect(() => {
    const wait = state.error ? 15 : state.data === undefined ? 0 : seconds(state.data);
    if (!wait) return undefined;
    const timer = setInterval(() => document.hidden || again(), wait * 1000);
    return () => clearInterval(timer);
  }, [state, again]);
  return { ...state, again };
}

/** The parameters of the address, and a function that changes some of them. */
export function useParams() {
  if (Router?.useSearchParams) {
    const [params, setParams] = Router.useSearchParams();
    return [Object.fromEntries(params), (changes) => setParams(changed(params, changes))];
  }
  const [search, setSearch] = useState(location.search);
  useEffect(() => {
    const listen = () => setSearch(location.search);
    addEventListener("popstate", listen);
    return () => removeEventListener("popstate", listen);
  }, []);
  const params = new URLSearchParams(search);
  return [
    Object.fromEntries(params),
    (changes) => {
      history.pushState(null, "", `?${changed(params, changes)}`);
      setSearch(location.search);
    },
  ];
}

function changed(params, changes) {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return next;
}

/** A link to a page of Airflow. */
export function Link({ to, params, children, ...rest }) {
  const url = withParams(to, params ?? {});
  // As Airflow writes run IDs: with a colon and a plus, or its tab is not marked.
  url.pathname = url.pathname.replaceAll("%3A", ":").replaceAll("%2B", "+");
  if (Router?.Link) return h(Router.Link, { to: inside(url), ...rest }, children);
  return h("a", { href: url.href, ...rest }, children);
}

/** A link that leaves Airflow; no link where the address is not one of the web. */
export function Outside({ href, children }) {
  if (!/^https?:\/\//.test(href ?? "")) return null;
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, children, h("span", { className: "hp-sr" }, " (new tab)"));
}

const number = new Intl.NumberFormat("en-US");
export const count = (value) => (value === null || value === undefined ? "–" : number.format(value));
export const rows = (value) => `${count(value)} ${value === 1 ? "row" : "rows"}`;

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

export const moment = (text) => (text ? exact.format(new Date(text)) : "–");
export const when = (text) => (text ? short.format(new Date(text)) : "–");

/** A time as its distance from now; the exact one when pointed at. */
export function Ago({ at }) {
  if (!at) return h("span", { className: "hp-quiet" }, "–");
  const seconds = (new Date(at) - Date.now()) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  const text = unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : seconds > 0 ? "in a moment" : "just now";
  return h("time", { dateTime: at, title: moment(at) }, text);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const size = (bytes) =>
  bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** How long a run took, or takes until now. */
export const spent = (run) => {
  if (run.counters?.seconds) return run.counters.seconds;
  return run.start ? (new Date(run.end ?? Date.now()) - new Date(run.start)) / 1000 : null;
};

const WORDS = { null: "waiting", up_for_retry: "retrying", upstream_failed: "upstream failed" };
const COLORS = { success: "good", failed: "bad", upstream_failed: "bad", running: "busy", queued: "busy", up_for_retry: "warn" };

/** The state of a run, in a word and a colour. */
export const State = ({ of }) =>
  h("span", { className: `hp-badge hp-${COLORS[of] ?? "plain"}` }, WORDS[of] ?? String(of ?? "waiting"));

export const STATUS = {
  failed: ["Failed", "bad"],
  silent: ["Stopped sending", "bad"],
  empty: ["No rows", "bad"],
  late: ["Late", "warn"],
  refusing: ["Rows refused", "warn"],
  running: ["Running", "busy"],
  ok: ["OK", "good"],
  new: ["Not run yet", "plain"],
  paused: ["Paused", "plain"],
};

export const Status = ({ of }) => {
  const [text, color] = STATUS[of.name] ?? [of.name, "plain"];
  return h("span", { className: `hp-badge hp-${color}`, title: of.text }, text);
};

const ADVICE = {
  403: "You may not see this. Ask an administrator for the right to read XComs and task instances of the DAG.",
  404: "There is nothing at this address. The DAG may have been renamed or removed.",
};

export function Problem({ error, again }) {
  return h(
    "div",
    { className: "hp-note hp-note-bad", role: "alert" },
    h("p", null, error.status === 403 ? ADVICE[403] : error.message),
    error.status === 404 && !error.code ? h("p", null, ADVICE[404]) : null,
    again ? h("button", { type: "button", onClick: again }, "Try again") : null,
  );
}

export const Loading = ({ what }) => h("p", { className: "hp-quiet", role: "status" }, `Loading ${what}…`);

/** The environment that a sync writes to, in a few words. */
export const place = (target) => {
  if (!target?.app_id) return null;
  const own = /^https:\/\/(heapanalytics\.com|c\.eu\.heap-api\.com)$/.test(target.host);
  return `${target.app_id} (${own ? target.region : target.host})`;
};

/** What fills a property, as the entry "sync" of a report has it: a column, a constant or a template. */
export const filling = (value) => {
  if (value === null || typeof value !== "object") return String(value);
  if ("constant" in value) return `“${value.constant}” (constant)`;
  if ("template" in value) return `${value.template} (template)`;
  return JSON.stringify(value);
};

const NUMBERS = new Set(["Read", "Sent", "Unchanged", "Invalid", "Rejected", "Refused", "Requests", "Duration", "Row"]);

/** A table whose cells carry their heading, so that a narrow screen can show rows as cards. */
export function Table({ label, columns, children, className = "" }) {
  return h(
    "div",
    { className: "hp-scroll" },
    h(
      "table",
      { className: `hp-table ${className}`, "aria-label": label },
      h("thead", null, h("tr", null, columns.map((column) => (typeof column === "string" ? h("th", { key: column, scope: "col", className: NUMBERS.has(column) ? "hp-number" : undefined }, column) : column)))),
      h("tbody", null, children),
    ),
  );
}

export const Cell = ({ label, number: isNumber, children, ...rest }) =>
  h("td", { "data-label": label, className: isNumber ? "hp-number" : undefined, ...rest }, children);

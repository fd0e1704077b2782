// All syncs: what they do, how they are doing, and their last runs as bars.

import { Ago, Cell, Link, Loading, Problem, STATUS, State, Status, Table, ask, count, h, place, useLoaded, useMemo } from "./base.js";
import { lastDays } from "./day.js";

const LOOK = ["failed", "silent", "empty", "late", "refusing"];
const TILES = [
  ["look", "Need a look", LOOK],
  ["running", "Running", ["running"]],
  ["ok", "OK", ["ok"]],
  ["new", "Not run yet", ["new"]],
  ["paused", "Paused", ["paused"]],
];
const ORDER = Object.keys(STATUS);
const SORTS = {
  status: (sync) => ORDER.indexOf(sync.status.name),
  sync: (sync) => `${sync.dag_id}.${sync.task_id}`,
  object: (sync) => sync.object_name ?? "",
  last: (sync) => -new Date(sync.last_at ?? 0),
  sent: (sync) => -(counted(sync)?.done ?? -1),
};

export function List({ params, setParams }) {
  const { data, error, again } = useLoaded(() => ask("syncs"), ["syncs"], (found) =>
    found.syncs.some((sync) => sync.status.name === "running") ? 5 : 30,
  );
  const refused = useRefused();
  const syncs = useMemo(() => chosen(data?.syncs ?? [], params), [data, params.show, params.find, params.object, params.sort, params.down]);
  if (!data) return error ? h(Problem, { error, again }) : h(Loading, { what: "syncs" });
  if (!data.syncs.length) return h(Nothing);
  const objects = [...new Set(data.syncs.map((sync) => sync.object_name).filter(Boolean))].sort();
  return h(
    "div",
    null,
    error ? h(Problem, { error, again }) : null,
    h(
      "div",
      { className: "hp-tiles", role: "group", "aria-label": "Show" },
      TILES.map(([name, label, states]) => {
        const amount = data.syncs.filter((sync) => states.includes(sync.status.name)).length;
        const pressed = params.show === name;
        return h(
          "button",
          {
            key: name,
            type: "button",
            className: `hp-tile ${name === "look" && amount ? "hp-tile-bad" : ""}`,
            "aria-pressed": pressed,
            onClick: () => setParams({ show: pressed ? null : name }),
          },
          h("strong", null, count(amount)),
          ` ${label}`,
        );
      }),
    ),
    h(
      "div",
      { className: "hp-bar" },
      h("label", null, h("span", { className: "hp-sr" }, "Find a sync"), h("input", {
        type: "search",
        placeholder: "Find a sync, a DAG or a target",
        value: params.find ?? "",
        onChange: (event) => setParams({ find: event.target.value }),
      })),
      objects.length > 1
        ? h("label", null, h("span", { className: "hp-sr" }, "Object"), h(
            "select",
            { value: params.object ?? "", onChange: (event) => setParams({ object: event.target.value }) },
            h("option", { value: "" }, "All objects"),
            objects.map((name) => h("option", { key: name, value: name }, `${name}s`)),
          ))
        : null,
      h("span", { className: "hp-quiet", role: "status" }, `${count(syncs.length)} of ${count(data.syncs.length)} sync${data.syncs.length === 1 ? "" : "s"}`),
    ),
    syncs.length
      ? h(
          Table,
          { label: "Syncs", className: "hp-cards", columns: headings(params, setParams) },
          syncs.map((sync) => h(Row, { key: `${sync.dag_id} ${sync.task_id}`, sync, setParams, days: refused[`${sync.dag_id} ${sync.task_id}`] ?? [] })),
        )
      : h("p", { className: "hp-note" }, "No sync matches. ", h("button", { type: "button", onClick: () => setParams({ show: null, find: null, object: null }) }, "Show all")),
  );
}

/** For each sync the days on which rows were refused, the newest first. The list does not wait for them. */
function useRefused() {
  const days = lastDays();
  const { data } = useLoaded(() => ask("refused", { start: days.map(({ start }) => start) }), [days[0].name], () => 300);
  return useMemo(
    () => Object.fromEntries((data?.syncs ?? []).map(([dag, task, counts]) => [`${dag} ${task}`, days.map((day, index) => ({ ...day, amount: counts[index] })).filter(({ amount }) => amount).reverse()])),
    [data],
  );
}

function chosen(syncs, { show, find, object, sort, down }) {
  const states = TILES.find(([name]) => name === show)?.[2];
  const words = (find ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const found = syncs.filter((sync) => {
    if (states && !states.includes(sync.status.name)) return false;
    if (object && sync.object_name !== object) return false;
    const text = [sync.dag_id, sync.task_id, sync.model, sync.connection, objectOf(sync), target(sync), sync.name].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const key = SORTS[sort ?? "status"] ?? SORTS.status;
  const order = (one, two) => (key(one) < key(two) ? -1 : key(one) > key(two) ? 1 : 0);
  found.sort((one, two) => (down ? -order(one, two) : order(one, two)));
  return found;
}

function headings(params, setParams) {
  const heading = (name, label) => {
    const active = (params.sort ?? "status") === name;
    return h(
      "th",
      { key: name, scope: "col", "aria-sort": active ? (params.down ? "descending" : "ascending") : "none" },
      h(
        "button",
        { type: "button", className: "hp-sort", onClick: () => setParams({ sort: name, down: active && !params.down ? "1" : null }) },
        label,
        h("span", { "aria-hidden": true }, active ? (params.down ? " ▾" : " ▴") : ""),
      ),
    );
  };
  return [
    heading("status", "Status"),
    heading("sync", "Sync"),
    heading("object", "Object"),
    "Model",
    "Schedule",
    heading("last", "Last run"),
    heading("sent", "Rows"),
    "Last sent",
    "Last 20 runs",
  ];
}

const target = (sync) => place(sync.target) ?? sync.connection;

/** A bar, which is a run, with names for its parts. */
const named = (bar) => {
  if (!bar) return null;
  const [run, state, read, done, unchanged, refused, dry] = bar;
  return { run, state, read, done, unchanged, refused, dry };
};

/** The last run that left counters. */
const counted = (sync) => named([...sync.bars].reverse().find(([, , read]) => read !== null));

function Row({ sync, setParams, days }) {
  const last = named(sync.bars[sync.bars.length - 1]);
  const known = counted(sync);
  const here = { dag_id: sync.dag_id, task_id: sync.task_id };
  return h(
    "tr",
    null,
    h(Cell, { label: "Status" }, h(Status, { of: sync.status })),
    h(
      Cell,
      { label: "Sync" },
      h(Link, { to: "plugin/heap", params: here, className: "hp-name" }, sync.name || `${sync.dag_id}.${sync.task_id}`),
      sync.mapped ? h("span", { className: "hp-quiet" }, " mapped") : null,
      LOOK.includes(sync.status.name) ? h("div", { className: "hp-quiet hp-small" }, sync.status.text) : null,
    ),
    h(Cell, { label: "Object" }, objectOf(sync), h("div", { className: "hp-quiet hp-small" }, target(sync))),
    h(Cell, { label: "Model" }, sync.model || "–"),
    h(Cell, { label: "Schedule" }, sync.schedule || "none"),
    h(Cell, { label: "Last run" }, last ? [h(State, { key: "state", of: last.state }), " ", h(Ago, { key: "ago", at: sync.last_at })] : "–"),
    h(Cell, { label: "Rows" }, known ? h(Rows, { of: known, here }) : "–", days.length ? h(Days, { days, here }) : null),
    h(Cell, { label: "Last sent" }, h(Ago, { at: sync.last_sent })),
    h(Cell, { label: "Last 20 runs" }, h(Bars, { bars: sync.bars, open: ({ run, refused }) => setParams({ ...here, run_id: run, rows: refused ? "1" : null }) })),
  );
}

const objectOf = (sync) => (sync.object_name ? `${sync.object_name}s` : "re-drive");

const Rows = ({ of: { run, done, unchanged, refused, dry }, here }) =>
  h(
    "span",
    null,
    `${count(done)} ${dry ? "would be sent" : "sent"}`,
    unchanged ? h("span", { className: "hp-quiet" }, `, ${count(unchanged)} unchanged`) : null,
    refused
      ? [", ", h(Link, { key: "refused", to: "plugin/heap", params: { ...here, run_id: run, rows: "1" }, className: "hp-refused" }, `${count(refused)} refused`)]
      : null,
  );

/** The rows refused on the last days; each leads to the rows of all runs of that day. */
const Days = ({ days, here }) =>
  h(
    "div",
    { className: "hp-quiet hp-small" },
    "Refused: ",
    days.map(({ name, word, amount }, index) => [index ? ", " : null, h(Link, { key: name, to: "plugin/heap", params: { ...here, day: name, rows: "1" } }, `${count(amount)} ${word}`)]),
  );

/** The last runs as bars: as high as the rows they delivered; what was refused on top; a failed run in red. */
function Bars({ bars, open }) {
  const most = Math.max(1, ...bars.map(([, , , done, , refused]) => done + refused));
  const failed = bars.filter(([, state]) => state === "failed" || state === "upstream_failed").length;
  const label = `${bars.length} run${bars.length === 1 ? "" : "s"}, ${failed} failed; rows sent: ${bars.map(([, , read, done]) => (read === null ? "unknown" : done)).join(", ")}`;
  return h(
    "svg",
    { className: "hp-bars", viewBox: "0 0 160 28", role: "img", "aria-label": label },
    bars.map((bar, index) => {
      const { run, state, read, done, unchanged, refused, dry } = named(bar);
      const x = (20 - bars.length + index) * 8;
      const bad = state === "failed" || state === "upstream_failed";
      const sent = done ? Math.max(2, (done / most) * 24) : 0;
      const lost = refused ? Math.max(2, (refused / most) * 24) : 0;
      const text = read === null ? `${state ?? "waiting"}` : `${state}: ${count(read)} read, ${count(done)} ${dry ? "would be sent" : "sent"}, ${count(unchanged)} unchanged, ${count(refused)} refused`;
      return h(
        "g",
        { key: run, className: "hp-click", onClick: () => open({ run, refused }) },
        h("title", null, `${run}\n${text}`),
        h("rect", { x, y: 0, width: 8, height: 28, className: "hp-hit" }),
        h("rect", { x, y: 26, width: 6, height: 2, className: bad ? "hp-fill-bad" : "hp-fill-line" }),
        bad && !sent ? h("rect", { x, y: 18, width: 6, height: 8, className: "hp-fill-bad" }) : null,
        sent ? h("rect", { x, y: 26 - sent, width: 6, height: sent, className: dry ? "hp-fill-dry" : bad ? "hp-fill-bad" : "hp-fill-sent" }) : null,
        lost ? h("rect", { x, y: Math.max(0, 26 - sent - lost), width: 6, height: lost, className: "hp-fill-refused" }) : null,
      );
    }),
  );
}

const Nothing = () =>
  h(
    "div",
    { className: "hp-note" },
    h("p", null, "There is no sync yet, or you may not read its DAG."),
    h("p", null, "A task of HeapUserSyncOperator, or of another operator of this provider, shows up here as soon as Airflow has parsed its DAG."),
  );

// The rows of a sync that were refused on one day, whatever the number of its runs.

import { Loading, Problem, ask, count, h, rows, useLoaded, useState, when } from "./base.js";
import { Reasons, RefusedRows } from "./run.js";

/** Days of which the list knows how many rows were refused. */
export const DAYS = 7;
/** Runs whose rows are asked for at once: each is a file of its own. */
const STEP = 6;

const two = (number) => String(number).padStart(2, "0");
const nameOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const midnight = (date, days = 0) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
const weekday = new Intl.DateTimeFormat("en", { weekday: "short" });
const long = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });

export const dayName = (date) => long.format(date);

/** The last days in the time zone of whoever looks, the earliest first: name for the address, word, beginning. */
export function lastDays(now = new Date()) {
  return Array.from({ length: DAYS }, (_, index) => {
    const date = midnight(now, index + 1 - DAYS);
    const word = index === DAYS - 1 ? "today" : index === DAYS - 2 ? "yesterday" : `on ${weekday.format(date)}`;
    return { name: nameOf(date), word, start: date.toISOString() };
  });
}

/** When a day of the address begins and ends; null when it is not one. */
export function bounds(name) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(name ?? "");
  if (!parts) return null;
  const date = new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]));
  return { date, due_from: date.toISOString(), due_until: midnight(date, 1).toISOString() };
}

const refused = ({ counters }) => (counters ? counters.invalid + counters.rejected : 0);

export function Day({ dagId, taskId, task, date, runs, params, setParams, allDays }) {
  const [limit, setLimit] = useState(STEP);
  const some = runs.filter(refused);
  const total = some.reduce((sum, run) => sum + refused(run), 0);
  const reasons = {};
  for (const { counters } of some) for (const [reason, amount] of Object.entries(counters.reasons)) reasons[reason] = (reasons[reason] ?? 0) + amount;
  const shown = params.rows ? some.filter(({ counters }) => !params.reason || counters.reasons[params.reason]) : [];
  const show = (reason) => setParams({ rows: "1", reason });
  return h(
    "section",
    { className: "hp-panel", "aria-label": "The day" },
    h(
      "div",
      { className: "hp-bar" },
      h("h2", null, dayName(date)),
      h("span", { role: "status" }, `${count(runs.length)} ${runs.length === 1 ? "run" : "runs"}, ${rows(total)} that did not arrive`),
      h("button", { type: "button", onClick: allDays }, "All days"),
    ),
    total ? h(Reasons, { counters: { reasons }, choose: show }) : null,
    params.reason ? h("p", null, "Only rows refused for ", h("code", null, params.reason), ". ", h("button", { type: "button", onClick: () => show(null) }, "All reasons")) : null,
    total && !params.rows ? h("button", { type: "button", className: "hp-main", onClick: () => show(null) }, `Show the ${rows(total)} that did not arrive`) : null,
    shown.slice(0, limit).map((run, index) => h(RowsOfRun, { key: run.run_id, dagId, taskId, task, run, reason: params.reason, setParams, first: index === 0 })),
    shown.length > limit ? h("button", { type: "button", onClick: () => setLimit(limit + STEP) }, `Show the rows of earlier runs: ${count(shown.length - limit)}`) : null,
  );
}

/** The rows of a run, instance by instance. That a user may not see rows is said once, for the first. */
function RowsOfRun({ dagId, taskId, task, run, reason, setParams, first }) {
  const { data, error } = useLoaded(
    () => (task.mapped ? ask("instances", { dag_id: dagId, task_id: taskId, run_id: run.run_id }) : Promise.resolve({ instances: [run] })),
    [dagId, taskId, run.run_id],
  );
  if (error) return h(Problem, { error });
  if (!data) return h(Loading, { what: "the instances" });
  return data.instances.filter(refused).map((instance, position) => {
    const index = task.mapped ? instance.map_index : -1;
    const open = () => setParams({ run_id: run.run_id, map_index: index < 0 ? null : index });
    const heading = [h("button", { key: "run", type: "button", className: "hp-link", onClick: open }, when(run.start ?? run.run_after)), index < 0 ? null : ` instance ${count(index)}`];
    return h(RefusedRows, { key: index, dagId, taskId, runId: run.run_id, index, reason, total: refused(instance), heading, first: first && !position });
  });
}

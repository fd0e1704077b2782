// One sync: its history, and the run that somebody looks at.

import { Ago, Cell, Link, Loading, Problem, State, Status, Table, ask, askAirflow, count, duration, h, place, postToAirflow, rows, spent, useLoaded, useState, when } from "./base.js";
import { Chart } from "./chart.js";
import { Day, bounds, dayName } from "./day.js";
import { Run } from "./run.js";

const STEP = 100;
const MOST = 500;
const RUNNING = new Set([null, "running", "queued", "scheduled", "restarting", "deferred", "up_for_reschedule", "up_for_retry"]);

export function Sync({ dagId, taskId, runId, mapIndex, params, setParams, embedded }) {
  const [limit, setLimit] = useState(STEP);
  const day = bounds(params.day);
  const wanted = { dag_id: dagId, task_id: taskId, limit: day ? MOST : limit, due_from: day?.due_from, due_until: day?.due_until };
  const { data, error, again } = useLoaded(() => ask("history", wanted), [wanted], (found) => (found.runs.some((run) => RUNNING.has(run.state)) ? 3 : 30));
  const top = embedded ? null : h("p", null, h(Link, { to: "plugin/heap" }, "← All syncs"));
  if (!data) {
    if (error?.status === 404 && embedded) return h("p", { className: "hp-note" }, "This task is not a sync of the Heap provider.");
    return h("div", null, top, error ? h(Problem, { error, again }) : h(Loading, { what: "the history" }));
  }
  const chosen = data.runs.find((run) => run.run_id === (params.run_id ?? runId)) ?? data.runs[0];
  const wholeDay = day && !params.run_id;
  const choose = (id, rows = null) => setParams({ run_id: id, rows, reason: null, map_index: null });
  const allDays = () => setParams({ day: null, run_id: null, rows: null, reason: null, map_index: null });
  return h(
    "div",
    null,
    top,
    error ? h(Problem, { error, again }) : null,
    h(Head, { data, dagId, taskId, embedded, again }),
    data.runs.length
      ? [
          h(Chart, { key: "chart", runs: data.runs, chosen: wholeDay ? null : chosen.run_id, choose }),
          params.run_id && chosen.run_id !== params.run_id
            ? h("p", { key: "missing", className: "hp-note" }, `The run ${params.run_id} is not among the ${count(data.runs.length)} newest; the last one is shown.`)
            : null,
          wholeDay ? h(Day, { key: "day", dagId, taskId, task: data.task, date: day.date, runs: data.runs, params, setParams, allDays }) : null,
          day && !wholeDay ? h("p", { key: "back" }, h("button", { type: "button", onClick: () => choose(null, "1") }, `← ${dayName(day.date)}`)) : null,
          wholeDay ? null : h(Run, { key: chosen.run_id, dagId, taskId, run: chosen, task: data.task, params, setParams, mapIndex: params.map_index ?? mapIndex }),
          h(History, { key: "history", runs: data.runs, chosen: wholeDay ? null : chosen.run_id, choose }),
          data.before && limit < MOST && !day
            ? h("button", { key: "more", type: "button", onClick: () => setLimit(Math.min(MOST, limit * 5)) }, "Show earlier runs")
            : null,
        ]
      : day
        ? h("p", { className: "hp-note" }, `No run was due on ${dayName(day.date)}. `, h("button", { type: "button", onClick: allDays }, "All days"))
        : h("p", { className: "hp-note" }, data.paused ? "It has not run yet: its DAG is paused." : "It has not run yet. Start a run, or wait for the schedule."),
  );
}

function Head({ data, dagId, taskId, embedded, again }) {
  const { task } = data;
  const facts = data.facts ?? {};
  const object = facts.object || task.object_name;
  const lines = [
    ["Object", object ? `${object}s${facts.behaviour ? ` (${facts.behaviour})` : ""}` : "re-drive"],
    ["Target", place(facts.target) ?? task.settings.heap_conn_id],
    ["Sync key", facts.key?.columns?.join(", ")],
    ["Model", task.model],
    ["Source", facts.source],
    ["Schedule", data.schedule || "none"],
    ["Next run", data.paused ? "paused" : data.due ? h(Ago, { at: data.due }) : null],
    ["Sync name", facts.name || task.settings.sync_name],
    ["State", facts.state ? recorded(facts.state, data.runs, `airflow heap state show ${dagId} ${taskId}`) : null],
    ["Assets", task.asset_uris.length ? task.asset_uris.map((uri, index) => [index ? ", " : null, h(Asset, { key: uri, uri })]) : null],
  ];
  return h(
    "section",
    { "aria-label": "The sync" },
    h(
      "div",
      { className: "hp-bar" },
      h("h1", { className: embedded ? "hp-h2" : undefined }, `${dagId}.${taskId}`),
      data.status ? [h(Status, { key: "status", of: data.status }), h("span", { key: "why", className: "hp-quiet" }, data.status.text)] : null,
    ),
    h("dl", { className: "hp-facts" }, lines.filter(([, value]) => value).map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value)))),
    h(
      "div",
      { className: "hp-bar" },
      h(Link, { to: `dags/${encodeURIComponent(dagId)}` }, "DAG"),
      h(Link, { to: `dags/${encodeURIComponent(dagId)}/tasks/${encodeURIComponent(taskId)}` }, "Task"),
      h(Trigger, { dagId, task, paused: data.paused, again }),
    ),
    task.model_text && task.model_text !== task.model
      ? h("details", null, h("summary", null, "Model"), h("pre", null, task.model_text))
      : null,
  );
}

/**
 * Where the state is, and how much of the last run is recorded in it: what Heap took, and what it had already.
 * How many keys there are in all is known by the state's own database alone, so a command is named that asks it.
 */
function recorded({ table, connection }, runs, command) {
  const place = `${table} (${connection})`;
  const all = [" · all keys: ", h("code", { key: "command" }, command)];
  const last = runs.find(({ state, counters }) => !RUNNING.has(state) && counters && (counters.would_send ?? null) === null);
  if (!last) return [place, ...all];
  const { read, unchanged, sent } = last.counters;
  return [`${place}: ${count(unchanged + sent)} of the ${rows(read)} of the last run are recorded`, ...all];
}

/** An asset's name, which leads to its page once Airflow says which that is. */
function Asset({ uri }) {
  const { data } = useLoaded(() => askAirflow("assets", { uri_pattern: uri }).then(({ assets }) => assets.find((asset) => asset.uri === uri) ?? {}, () => ({})), [uri]);
  return data?.id ? h(Link, { to: `assets/${data.id}` }, uri) : uri;
}

const CHOICES = { full_sync: "Send all rows, whatever the state says", dry_run: "Dry run: send nothing" };

function Trigger({ dagId, task, paused, again }) {
  const [open, setOpen] = useState(false);
  const [set, setSet] = useState({});
  const [answer, setAnswer] = useState(null);
  const start = async () => {
    const conf = Object.fromEntries(Object.entries(set).filter(([, on]) => on).map(([flag]) => [task.flags[flag], true]));
    try {
      const run = await postToAirflow(`dags/${encodeURIComponent(dagId)}/dagRuns`, { logical_date: null, conf });
      setAnswer({ text: `Run ${run.dag_run_id} was started.`, good: true });
      setOpen(false);
      again();
    } catch (error) {
      setAnswer({ text: error.status === 403 ? "You may not start this DAG. Ask for the right to create its runs." : error.message });
    }
  };
  return h(
    "span",
    { className: "hp-trigger" },
    h("button", { type: "button", className: "hp-main", "aria-expanded": open, onClick: () => setOpen(!open) }, "Start a run…"),
    open
      ? h(
          "div",
          { className: "hp-note", role: "group", "aria-label": "Start a run" },
          h("p", null, `This starts all of the DAG ${dagId}.`, paused ? " It is paused, so the run waits until you unpause it." : ""),
          Object.entries(CHOICES).map(([flag, text]) =>
            h(
              "label",
              { key: flag, className: task.flags[flag] ? "" : "hp-quiet" },
              h("input", { type: "checkbox", disabled: !task.flags[flag], checked: Boolean(set[flag]), onChange: (event) => setSet({ ...set, [flag]: event.target.checked }) }),
              ` ${text}`,
              task.flags[flag] ? "" : ` (write ${flag}="{{ params.${flag} }}" in the DAG to choose it here)`,
            ),
          ),
          h("button", { type: "button", className: "hp-main", onClick: start }, set.dry_run ? "Start a dry run" : "Start"),
        )
      : null,
    answer ? h("span", { role: "status", className: answer.good ? "" : "hp-refused" }, answer.text) : null,
  );
}

function History({ runs, chosen, choose }) {
  const refusedRows = (run, amount) =>
    amount ? h("button", { type: "button", className: "hp-link hp-refused", onClick: () => choose(run.run_id, "1") }, count(amount)) : count(amount);
  return h(
    "section",
    null,
    h("h2", null, "Runs"),
    h(
      Table,
      { label: "Runs", className: "hp-cards", columns: ["Run", "State", "Read", "Sent", "Unchanged", "Invalid", "Rejected", "Requests", "Duration"] },
      runs.map((run) => {
        const { counters } = run;
        const dry = counters?.would_send !== null && counters?.would_send !== undefined;
        return h(
          "tr",
          { key: run.run_id, className: run.run_id === chosen ? "hp-current" : undefined, "aria-current": run.run_id === chosen || undefined },
          h(Cell, { label: "Run" }, h("button", { type: "button", className: "hp-link", title: run.run_id, onClick: () => choose(run.run_id) }, when(run.start ?? run.run_after)), run.instances > 1 ? h("span", { className: "hp-quiet" }, ` ${count(run.instances)} instances`) : null),
          h(Cell, { label: "State" }, h(State, { of: run.state }), dry ? h("span", { className: "hp-badge hp-plain" }, "dry run") : null),
          h(Cell, { label: "Read", number: true }, count(counters?.read)),
          h(Cell, { label: "Sent", number: true }, dry ? `${count(counters.would_send)} would be` : count(counters?.sent)),
          h(Cell, { label: "Unchanged", number: true }, count(counters?.unchanged)),
          h(Cell, { label: "Invalid", number: true }, refusedRows(run, counters?.invalid)),
          h(Cell, { label: "Rejected", number: true }, refusedRows(run, counters?.rejected)),
          h(Cell, { label: "Requests", number: true }, count(counters?.requests)),
          h(Cell, { label: "Duration", number: true }, duration(spent(run))),
        );
      }),
    ),
  );
}

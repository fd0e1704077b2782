// The run that somebody looks at: reasons, refused rows, payloads, the mapping it had, its instances.

import { Cell, Link, Loading, Outside, Problem, State, Table, ask, askAirflow, count, duration, filling, h, moment, rows, size, spent, useLoaded, useState } from "./base.js";

const HINTS = [
  [/_null$/, "The column has no value in these rows."],
  [/_blank$/, "The column is blank in these rows."],
  [/_too_long$/, "The value is longer than Heap takes."],
  [/_too_short$/, "The value is shorter than Heap takes."],
  [/_type$/, "The value has a type that a key can't have."],
  [/timestamp_unreadable/, "It is neither a date, nor a datetime, nor ISO 8601 text. A number of seconds must be converted in the model."],
  [/^unreadable_value/, "The driver, or Python, cannot read the value."],
  [/^no_json_form/, "The value has no form in JSON, such as bytes."],
  [/^name_/, "A property's name collides with another, or is too long."],
  [/^template_error/, "A RowTemplate failed on these rows."],
  [/^http_4/, "Heap refused these items; its answer is with each row."],
  [/^http_/, "Heap did not take these items; its answer is with each row."],
];
export const hint = (reason) => HINTS.find(([pattern]) => pattern.test(reason))?.[1] ?? "";

export function Run({ dagId, taskId, run, task, params, setParams, mapIndex }) {
  const { counters } = run;
  const mapped = task.mapped;
  const { data, error } = useLoaded(
    () => ask("instances", { dag_id: dagId, task_id: taskId, run_id: run.run_id }),
    [dagId, taskId, run.run_id, run.state],
    () => (run.end ? 0 : 3),
  );
  const asked = Number.parseInt(mapIndex ?? "", 10);
  const index = mapped ? (Number.isInteger(asked) && asked >= 0 ? asked : run.map_index >= 0 ? run.map_index : null) : -1;
  const page = `dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(run.run_id)}`;
  const own = `${page}/tasks/${encodeURIComponent(taskId)}${index !== null && index >= 0 ? `/mapped/${index}` : ""}`;
  const refused = counters ? counters.invalid + counters.rejected : 0;
  const dry = counters?.would_send !== null && counters?.would_send !== undefined;
  return h(
    "section",
    { className: "hp-panel", "aria-label": "The run" },
    h(
      "div",
      { className: "hp-bar" },
      h("h2", null, moment(run.start ?? run.run_after)),
      h(State, { of: run.state }),
      dry ? h("span", { className: "hp-badge hp-plain" }, "dry run") : null,
      h(Link, { to: page }, "Run"),
      h(Link, { to: own }, "Log"),
      h(InHeap, { dagId, taskId, run, index }),
    ),
    h("p", { className: "hp-quiet" }, `${run.run_id} · ${run.run_type} · try ${run.try_number} · ${duration(spent(run))}${run.hostname ? ` · ${run.hostname}` : ""}`),
    counters ? h(Sentence, { counters, dry }) : h(NoCounters, { run }),
    counters && Object.keys(counters.reasons).length
      ? h(Reasons, { counters, open: params.rows, choose: (reason) => setParams({ rows: "1", reason }) })
      : null,
    refused && params.rows
      ? mapped && index === null
        ? h("p", { className: "hp-note" }, "Choose an instance below to see its rows.")
        : h(RefusedRows, { dagId, taskId, runId: run.run_id, index, reason: params.reason, total: refused, setParams })
      : refused
        ? h("button", { type: "button", className: "hp-main", onClick: () => setParams({ rows: "1", reason: null }) }, `Show the ${rows(refused)} that did not arrive`)
        : null,
    dry && counters.dry_run_path && !(mapped && index === null) ? h(Payloads, { dagId, taskId, runId: run.run_id, index, total: counters.requests }) : null,
    mapped ? h(Instances, { data, error, chosen: index, setParams }) : null,
    h(Mapping, { dagId, taskId, run, task, index: index ?? 0, facts: data?.facts }),
  );
}

function Sentence({ counters, dry }) {
  const parts = [
    [counters.read, "read"],
    dry ? [counters.would_send, "would be sent"] : [counters.sent, "sent"],
    [counters.unchanged, "unchanged"],
    [counters.invalid, "invalid"],
    [counters.rejected, "rejected by Heap"],
    [counters.truncated, "with texts truncated"],
    [counters.duplicate_keys, "with a key that came before"],
  ];
  return h(
    "p",
    null,
    parts.filter(([value], index) => value || index < 2).map(([value, word]) => `${count(value)} ${word}`).join(" · "),
    ` · ${count(counters.requests)} ${counters.requests === 1 ? "request" : "requests"} (${size(counters.bytes)})`,
  );
}

const NoCounters = ({ run }) =>
  h(
    "p",
    { className: "hp-note" },
    run.end
      ? "The run left no counters that can be read: it ended before it began to read, its XCom was deleted, or a custom XCom backend keeps it elsewhere. The log says what happened."
      : "Counters are there when the run has ended; the log shows its progress.",
  );

export const Reasons = ({ counters, choose }) =>
  h(
    Table,
    { label: "Reasons", className: "hp-cards hp-reasons", columns: ["Reason", "Rows", "What it means"] },
    Object.entries(counters.reasons)
      .sort(([, one], [, two]) => two - one)
      .map(([reason, amount]) =>
        h(
          "tr",
          { key: reason },
          h(Cell, { label: "Reason" }, h("button", { type: "button", className: "hp-link", onClick: () => choose(reason) }, h("code", null, reason))),
          h(Cell, { label: "Rows", number: true }, count(amount)),
          h(Cell, { label: "What it means" }, hint(reason)),
        ),
      ),
  );

const FORBIDDEN =
  "Rows are personal data: only users who may edit this task instance see them. Ask whoever runs Airflow for that right on this DAG, or for the file.";

/** `heading` names the run where rows of several are shown; only the `first` of these says that a user may not see rows. */
export function RefusedRows({ dagId, taskId, runId, index, reason, total, setParams, heading, first = true }) {
  const { data, error } = useLoaded(
    () => ask("rejects", { dag_id: dagId, task_id: taskId, run_id: runId, map_index: index, reason }),
    [dagId, taskId, runId, index, reason],
  );
  const close = heading ? null : h("button", { type: "button", onClick: () => setParams({ rows: null, reason: null }) }, "Hide the rows");
  if (error?.status === 403 && !first) return null;
  if (error) return h("div", { className: "hp-note", role: "alert" }, heading ? h("p", null, heading) : null, h("p", null, error.status === 403 ? FORBIDDEN : error.message), close);
  if (!data) return h(Loading, { what: "the rows" });
  return h(
    "section",
    { "aria-label": "Rows that did not arrive" },
    h(
      "div",
      { className: "hp-bar" },
      h("h3", null, heading ?? (reason ? `Rows refused for ${reason}` : "Rows that did not arrive")),
      reason && !heading ? h("button", { type: "button", onClick: () => setParams({ reason: null }) }, "All reasons") : null,
      close,
      h("span", { className: "hp-quiet", role: "status" }, data.more ? `the first ${count(data.rows.length)}` : rows(data.rows.length)),
    ),
    data.rows.length
      ? h(
          Table,
          { label: "Rows that did not arrive", className: "hp-cards", columns: ["Row", "Reason", "Column", "Values", "Heap's answer"] },
          data.rows.map((row, position) =>
            h(
              "tr",
              { key: position },
              h(Cell, { label: "Row", number: true }, count(row.row)),
              h(Cell, { label: "Reason" }, h("code", null, row.reason), h("div", { className: "hp-quiet hp-small" }, hint(row.reason))),
              h(Cell, { label: "Column" }, row.column ? h("code", null, row.column) : "–"),
              h(Cell, { label: "Values" }, h(Values, { of: row.values ?? row.item, marked: row.column })),
              h(Cell, { label: "Heap's answer" }, row.answer || "–"),
            ),
          ),
        )
      : h("p", { className: "hp-quiet" }, `None of the ${rows(total)} is in the file.`),
  );
}

/** The columns of a row, or the fields and properties of an item. */
function Values({ of, marked }) {
  if (of === null || typeof of !== "object") return h("code", null, String(of));
  const { properties, ...fields } = of;
  const all = properties !== null && typeof properties === "object" && !Array.isArray(properties) ? [...Object.entries(fields), ...Object.entries(properties)] : Object.entries(of);
  return h(
    "dl",
    { className: "hp-values" },
    all.map(([name, value], position) =>
      h("div", { key: position, className: name === marked ? "hp-marked" : undefined }, h("dt", null, name), h("dd", null, value === null ? h("em", null, "null") : typeof value === "string" ? (value.trim() ? value : `“${value}”`) : JSON.stringify(value))),
    ),
  );
}

function Payloads({ dagId, taskId, runId, index, total }) {
  const [number, setNumber] = useState(0);
  const { data, error } = useLoaded(
    () => (number ? ask("payloads", { dag_id: dagId, task_id: taskId, run_id: runId, map_index: index, number }) : Promise.resolve(null)),
    [dagId, taskId, runId, index, number],
  );
  return h(
    "section",
    { "aria-label": "Requests of the dry run" },
    h(
      "div",
      { className: "hp-bar" },
      h("h3", null, "What would be sent"),
      h("button", { type: "button", disabled: number <= 1, onClick: () => setNumber(number - 1) }, "Previous"),
      h("span", { role: "status" }, number ? `request ${count(number)} of ${count(total)}` : `${count(total)} request${total === 1 ? "" : "s"}`),
      h("button", { type: "button", disabled: number >= total, onClick: () => setNumber(number + 1) }, number ? "Next" : "Show the first"),
      data?.bytes ? h("span", { className: "hp-quiet" }, size(data.bytes)) : null,
    ),
    error ? h("p", { className: "hp-note", role: "alert" }, error.status === 403 ? FORBIDDEN : error.message) : null,
    data ? h("pre", { tabIndex: 0 }, pretty(data.text)) : null,
  );
}

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

function Instances({ data, error, chosen, setParams }) {
  if (error) return h(Problem, { error });
  if (!data) return h(Loading, { what: "the instances" });
  return h(
    "section",
    null,
    h("h3", null, "Instances"),
    h(
      Table,
      { label: "Instances", className: "hp-cards", columns: ["Map index", "State", "Read", "Sent", "Unchanged", "Refused", "Duration"] },
      data.instances.map((one) => {
        const refused = one.counters ? one.counters.invalid + one.counters.rejected : null;
        return h(
          "tr",
          { key: one.map_index, className: one.map_index === chosen ? "hp-current" : undefined },
          h(Cell, { label: "Map index" }, h("button", { type: "button", className: "hp-link", onClick: () => setParams({ map_index: one.map_index }) }, one.map_index)),
          h(Cell, { label: "State" }, h(State, { of: one.state })),
          h(Cell, { label: "Read", number: true }, count(one.counters?.read)),
          h(Cell, { label: "Sent", number: true }, count(one.counters?.would_send ?? one.counters?.sent)),
          h(Cell, { label: "Unchanged", number: true }, count(one.counters?.unchanged)),
          h(Cell, { label: "Refused", number: true }, refused ? h("button", { type: "button", className: "hp-link hp-refused", onClick: () => setParams({ map_index: one.map_index, rows: "1" }) }, count(refused)) : count(refused)),
          h(Cell, { label: "Duration", number: true }, duration(spent(one))),
        );
      }),
    ),
  );
}

const LIMITS = ["min_rows", "max_rows", "max_changed", "max_null", "unique_key", "max_rejected"];

/** What the run had as its mapping: as it reported it, as Airflow rendered it, or else as the DAG has it now. */
function Mapping({ dagId, taskId, run, task, index, facts }) {
  const path = `dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(run.run_id)}/taskInstances/${encodeURIComponent(taskId)}`;
  const { data } = useLoaded(
    () => askAirflow(task.mapped ? `${path}/${index}` : path).then((found) => found.rendered_fields ?? {}, () => ({})),
    [path, index, run.state],
  );
  const rendered = data && Object.keys(data).length ? data : null;
  const values = rendered ?? { ...task.settings, properties: task.properties };
  const properties = facts?.properties ?? mapping(parsed(values.properties));
  const limits = facts
    ? Object.entries({ ...facts.guards, max_rejected: facts.max_rejected })
    : LIMITS.map((name) => [name, parsed(values[name])]).filter(([, value]) => ![undefined, null, false, "None", "False", ""].includes(value) && JSON.stringify(value) !== "{}");
  if (!task.model && !facts) return null;
  const origin = facts || rendered ? "As this run had it." : "As the DAG has it now; Airflow keeps rendered fields of the newest runs only.";
  const line = (name, source, kind) => h("tr", { key: `${kind} ${name}` }, h(Cell, { label: "In Heap" }, name, h("span", { className: "hp-quiet" }, ` ${kind}`)), h(Cell, { label: "From" }, h("code", null, filling(source))));
  return h(
    "details",
    { open: true },
    h("summary", null, "Mapping"),
    h("p", { className: "hp-quiet" }, origin),
    h(
      Table,
      { label: "Mapping", className: "hp-cards", columns: ["In Heap", "From"] },
      facts?.key?.columns?.length ? line(facts.key.field, facts.key.columns.join(", "), "sync key") : null,
      (facts?.fields ?? []).filter(([name]) => name !== facts.key?.field).map(([name, source]) => line(name, source, "field")),
      properties.map(([name, source]) => line(name, source, name === ALL ? "" : "property")),
    ),
    facts?.properties_left_out ? h("p", { className: "hp-quiet" }, `… and ${count(facts.properties_left_out)} more properties.`) : null,
    limits.length ? h("p", null, "Guards: ", limits.map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")) : null,
    facts?.items_a_minute ? h("p", { className: "hp-quiet" }, `At most ${count(facts.items_a_minute)} a minute.`) : null,
  );
}

const ALL = "Every column that has no other role";

const parsed = (value) => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

function mapping(properties) {
  if (properties === undefined || properties === null || properties === "None") return [[ALL, "the column of that name"]];
  if (Array.isArray(properties)) return properties.map((name) => [String(name), String(name)]);
  if (typeof properties === "object") return Object.entries(properties);
  return [["properties", String(properties)]];
}

/** A link to the environment that the run wrote to, which the run left as XCom. */
function InHeap({ dagId, taskId, run, index }) {
  const path = `dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(run.run_id)}/taskInstances/${encodeURIComponent(taskId)}/xcomEntries`;
  const place = { map_index: index ?? 0 };
  const load = async () => {
    const { xcom_entries: entries } = await askAirflow(path, { ...place, xcom_key: "heap_url" });
    // Asked for only where there is one: a run that failed early has none.
    return entries.some((entry) => entry.key === "heap_url") ? askAirflow(`${path}/heap_url`, { ...place, deserialize: true }) : {};
  };
  const { data } = useLoaded(load, [path, index, run.state]);
  return typeof data?.value === "string" ? h(Outside, { href: data.value }, "In Heap") : null;
}

// The history of a sync as stacked bars, with the duration of each run below.

import { count, duration, h, rows, spent, useEffect, useRef, useState, when } from "./base.js";

const PARTS = [
  ["sent", "Sent", "hp-fill-sent"],
  ["would_send", "Would be sent", "hp-fill-dry"],
  ["unchanged", "Unchanged", "hp-fill-unchanged"],
  ["invalid", "Invalid", "hp-fill-invalid"],
  ["rejected", "Rejected by Heap", "hp-fill-rejected"],
];
const LOST = new Set(["invalid", "rejected"]);
const HEIGHT = 150;
const SLOW = 34;

/** `runs` are the newest first; the chart shows the oldest at the left. */
export function Chart({ runs, chosen, choose }) {
  const [pointed, setPointed] = useState(null);
  const frame = useRef(null);
  // The newest runs are at the right, where a narrow screen would not show them.
  useEffect(() => void (frame.current.scrollLeft = frame.current.scrollWidth), [runs.length]);
  const ordered = [...runs].reverse();
  const width = Math.max(3, Math.min(24, Math.floor(960 / Math.max(ordered.length, 1))));
  const most = Math.max(1, ...ordered.map((run) => run.counters?.read ?? 0));
  const longest = Math.max(0.001, ...ordered.map((run) => spent(run) ?? 0));
  const used = PARTS.filter(([name]) => ordered.some((run) => run.counters?.[name]));
  const shown = runs.find((run) => run.run_id === (pointed ?? chosen));
  const place = runs.findIndex((run) => run.run_id === chosen);
  const step = (event) => {
    const move = { ArrowLeft: 1, ArrowRight: -1, Home: runs.length, End: -runs.length }[event.key];
    if (!move) return;
    event.preventDefault();
    choose(runs[Math.max(0, Math.min(runs.length - 1, place + move))].run_id);
  };
  return h(
    "figure",
    { className: "hp-chart" },
    h(
      "div",
      {
        ref: frame,
        className: "hp-scroll",
        tabIndex: 0,
        role: "slider",
        "aria-label": "Run",
        "aria-valuemin": 1,
        "aria-valuemax": runs.length,
        "aria-valuenow": runs.length - Math.max(0, place),
        "aria-valuetext": shown ? describe(shown) : "none",
        onKeyDown: step,
      },
      h(
        "svg",
        {
          width: ordered.length * width,
          height: HEIGHT + SLOW + 8,
          "aria-hidden": true,
          onMouseLeave: () => setPointed(null),
        },
        ordered.map((run, index) => {
          let y = HEIGHT;
          const bars = PARTS.map(([name, , color]) => {
            const value = run.counters?.[name];
            if (!value) return null;
            // A few refused rows among thousands must be seen.
            const height = Math.max(LOST.has(name) ? 4 : 1.5, (value / most) * (HEIGHT - 12));
            y -= height;
            return h("rect", { key: name, x: 1, y, width: width - 2, height, className: color });
          });
          const time = ((spent(run) ?? 0) / longest) * (SLOW - 6);
          const bad = run.state === "failed" || run.state === "upstream_failed";
          return h(
            "g",
            {
              key: run.run_id,
              transform: `translate(${index * width} 0)`,
              className: "hp-click",
              onMouseEnter: () => setPointed(run.run_id),
              onClick: () => choose(run.run_id),
            },
            h("rect", { x: 0, y: 0, width, height: HEIGHT + SLOW + 8, className: run.run_id === chosen ? "hp-chosen" : "hp-hit" }),
            bars,
            h("rect", { x: 1, y: HEIGHT + 1, width: width - 2, height: 3, className: bad ? "hp-fill-bad" : refused(run) ? "hp-fill-refused" : run.state === "success" ? "hp-fill-sent" : "hp-fill-line" }),
            h("rect", { x: 1, y: HEIGHT + 8, width: width - 2, height: time, className: "hp-fill-time" }),
          );
        }),
      ),
    ),
    h("figcaption", null,
      h("span", { className: "hp-legend" }, used.map(([name, label, color]) => h("span", { key: name }, h("svg", { width: 10, height: 10, "aria-hidden": true }, h("rect", { width: 10, height: 10, className: color })), ` ${label}`)),
        h("span", null, h("svg", { width: 10, height: 10, "aria-hidden": true }, h("rect", { width: 10, height: 10, className: "hp-fill-time" })), ` Duration, at most ${duration(longest)}`)),
      h("span", { className: "hp-quiet" }, shown ? describe(shown) : " "),
    ),
  );
}

const refused = ({ counters }) => counters && counters.invalid + counters.rejected > 0;

function describe(run) {
  const parts = PARTS.filter(([name]) => run.counters?.[name]).map(([name, label]) => `${count(run.counters[name])} ${label[0].toLowerCase() + label.slice(1)}`);
  const read = run.counters ? `${rows(run.counters.read)} read` : "no counters";
  return `${when(run.start ?? run.run_after)}: ${run.state ?? "waiting"}, ${[read, ...parts].join(", ")}, ${duration(spent(run))}`;
}

// The page "Heap". Airflow imports this module, takes AirflowPlugin from it, and renders that inside of its own React tree.

import { h, useParams } from "./base.js";
import { List } from "./list.js";
import { Sync } from "./sync.js";

/** A fault in the page must not take Airflow's own frame with it. */
class Boundary extends globalThis.React.Component {
  constructor(props) {
    super(props);
    this.state = { error: null };
  }

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    if (!this.state.error) return this.props.children;
    return h(
      "div",
      { className: "hp-note hp-note-bad", role: "alert" },
      h("p", null, "The page Heap met an error of its own. Syncs are not affected by it."),
      h("pre", null, String(this.state.error)),
      h("button", { type: "button", onClick: () => this.setState({ error: null }) }, "Show it again"),
    );
  }
}

function Page({ dagId, taskId, runId, mapIndex }) {
  const [params, setParams] = useParams();
  const embedded = Boolean(dagId && taskId);
  const dag = dagId ?? params.dag_id;
  const task = taskId ?? params.task_id;
  if (dag && task) return h(Sync, { key: `${dag} ${task}`, dagId: dag, taskId: task, runId, mapIndex, params, setParams, embedded });
  return h("div", null, h("h1", null, "Syncs to Heap"), h(List, { params, setParams }));
}

globalThis.AirflowPlugin = (props) =>
  h(
    "div",
    { className: "hp" },
    h("link", { rel: "stylesheet", href: new URL("heap.css", import.meta.url).href, precedence: "default" }),
    h(Boundary, null, h(Page, props)),
  );

"""A run in a page of Markdown: for a person who has to approve it, or who wants to know what it did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_heap.api.objects import OBJECTS
from airflow_provider_heap.markdown import code_block, escape, mapping_table, table
from airflow_provider_heap.wording import counted

__all__ = ["recap_markdown"]

#: The first request of a dry run.
FIRST_REQUEST = "000001.json"


def recap_markdown(report: Mapping[str, Any], *, items: int = 0, values: bool = False) -> str:
    """
    Return what a run did, or what a dry run would do: counts, how long it takes at Heap's pace, and the mapping.

    Every name that comes from a database or a DAG is escaped. Without ``items`` the text holds nothing of a row.

    :param report: what a task returned, or its XCom ``report`` after a failure.
    :param items: how many of a dry run's first items are shown; it needs ``dry_run_path`` on the dry run, in a folder
        that this task can read too.
    :param values: show their values. They are personal data, and everybody who sees the DAG can read them; without it
        there is the kind of each value.
    """
    sync = report.get("sync")
    sections = [_headline(report, sync), table(("Rows", "Count:"), _counts(report, sync))]
    if sync:
        sections.append(_settings(report, sync))
        sections.append(mapping_table(sync, sync["object"]))
    if items > 0 and "would_send" in report:
        sections.append(_first_items(report, items, values))
    return "\n\n".join(sections)


def _headline(report: Mapping[str, Any], sync: Mapping[str, Any] | None) -> str:
    dry = "would_send" in report
    count = report["would_send"] if dry else report["sent"]
    were = "was" if count == 1 else "were"
    if not sync:
        return f"**{counted(count, 'row')}** {'would be' if dry else were} sent to Heap."
    what, target = escape(f"{counted(count, sync['object'])} ({sync['behaviour']})"), sync["target"]
    where = escape(f"{target['host']} (region {target['region']}, connection {target['connection']!r})")
    state = "This was a dry run: nothing was sent." if dry else f"{count:,} {were} sent."
    return (
        f"Sync **{escape(sync['name'])}** from {escape(sync['source'])}: **{what}** "
        f"{'to be sent ' if dry else ''}to the Heap environment **{escape(target['app_id'])}** at {where}. {state}"
    )


def _counts(report: Mapping[str, Any], sync: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table of counters: its figures add up to the rows read."""
    reasons: Mapping[str, int] = report["reasons"]

    def by_reason(refused: bool) -> Iterator[tuple[str, str]]:
        for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1]):
            if reason.startswith("http_") == refused:
                yield f"… {escape(reason)}", f"{count:,}"

    dry = "would_send" in report
    done = report["would_send"] if dry else report["sent"]
    new = ((sync or {}).get("state") or {}).get("new_keys")
    yield "read", f"{report['read']:,}"
    yield f"**{'to be sent' if dry else 'sent'}**", f"**{done:,}**"
    if dry and new is not None:
        yield "… new", f"{min(new, done):,}"
        yield "… changed", f"{max(done - new, 0):,}"
    yield "unchanged", f"{report['unchanged']:,}"
    yield "invalid", f"{report['invalid']:,}"
    yield from by_reason(refused=False)
    if not dry:
        yield "rejected", f"{report['rejected']:,}"
        yield from by_reason(refused=True)
    if report.get("duplicate_keys"):
        yield "keys that come more than once", f"{report['duplicate_keys']:,}"
    if report["truncated"]:
        yield "texts truncated to what Heap takes", f"{report['truncated']:,}"
    yield "requests", f"{report['requests']:,}"
    yield "bytes", f"{report['bytes']:,}"


def _settings(report: Mapping[str, Any], sync: Mapping[str, Any]) -> str:
    """Return key, duration, state and guards, a line each."""
    columns = " and ".join(f"column **{escape(column)}**" for column in sync["key"]["columns"])
    lines = [f"Sync key: {escape(sync['key']['field'])}{f', from {columns}' if columns else ''}"]
    if "would_send" in report:
        lines.append(f"Sending takes {_duration(report['would_send'], sync)}")
    if state := sync["state"]:
        full = "; **all rows are sent**, whatever it says" if state["full_sync"] else ""
        lines.append(f"State: table {escape(state['table'])}, connection {escape(repr(state['connection']))}{full}")
    else:
        lines.append("State: none, so every row is sent in every run")
    guards = ", ".join(f"{escape(name)} {escape(_guard(limit))}" for name, limit in sync["guards"].items())
    lines.append(f"Guards: {guards or 'none'}")
    lines.append(f"Rows that may be invalid or rejected: {escape(_guard(sync['max_rejected']))}")
    return "\n".join(f"- {line}" for line in lines)


def _duration(count: int, sync: Mapping[str, Any]) -> str:
    limit = sync["items_a_minute"]
    if not limit:
        return f"as long as Heap needs to answer: it documents no limit for {escape(sync['object'])}s"
    minutes = count / limit
    time = "less than a minute" if minutes < 1 else f"about {minutes:,.0f} min"
    if minutes >= 120:
        time = f"about {minutes / 60:,.1f} h"
    return f"{time} at {limit:,} {escape(sync['object'])}s a minute"


def _guard(limit: Any) -> str:
    """Return the limit of a guard: a share in percent, a count, or a share for each property."""
    if limit is True:
        return "yes"
    if isinstance(limit, list):
        return " and ".join(f"{name}: {_guard(share)}" for name, share in limit)
    return counted(limit, "row") if limit >= 1 or limit == 0 else f"{100 * limit:.4g} %"


def _first_items(report: Mapping[str, Any], count: int, values: bool) -> str:
    """Return the first items of a dry run, as they would be sent or with the kinds of their values."""
    folder = report.get("dry_run_path")
    if not folder or not report["would_send"]:
        return "First items: " + ("there are none." if folder else "set dry\\_run\\_path on the dry run to see them.")
    try:
        all_items = _read_items(str(folder))
    except Exception as error:  # a folder of another worker, or what the storage raises
        return (
            f"First items: the folder of the dry run can't be read from here ({type(error).__name__}). Use object "
            "storage, or a folder that all workers share."
        )
    lines = [json.dumps(item if values else _kinds(item), ensure_ascii=False, indent=2) for item in all_items[:count]]
    note = "as they would be sent" if values else "with the kind of each value in its place"
    which = "The first item" if len(lines) == 1 else f"The first {len(lines)} items"
    return f"{which} of {report['would_send']:,}, {note}:\n\n" + code_block("\n".join(lines), "json")


def _read_items(folder: str) -> list[Any]:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    # The folder comes from an XCom. Whatever somebody wrote into it, only a request to Heap is shown.
    body = json.loads((ObjectStoragePath(folder) / FIRST_REQUEST).read_bytes())
    [array] = {heap_object.array_name for heap_object in OBJECTS} & body.keys()
    return list(body[array])


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _kinds(one) for name, one in value.items()}
    names = {str: "text", bool: "true or false", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "list")

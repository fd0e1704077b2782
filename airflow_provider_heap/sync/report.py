"""What a run did, in numbers that always add up, and the table of them that ends its log."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """
    The counters of a run. Every row whose outcome is known is in exactly one of them.

    :param rows_read: rows read so far, those on their way included.
    :param unchanged: rows that Heap has already.
    :param invalid: rows that could not become an item.
    :param rejected: items that Heap refused.
    :param sent: items that Heap accepted.
    :param truncated: texts that were truncated to what Heap takes.
    :param requests: HTTP requests, repeated ones included.
    :param bytes: bytes of their bodies.
    :param duplicate_keys: keys that came more than once; None when they were not counted.
    :param new_keys: keys that the state did not know; None when there is no state.
    :param reasons: invalid and rejected rows by reason code.
    :param rejects: the file that holds those rows; None when there are none, or no folder for it.
    :param sync: what was synced, see :meth:`.SyncPlan.describe`; None when there was nothing to sync.
    :param would_send: items that a dry run would have sent; None in a real run.
    :param dry_run_path: the folder that holds its requests; None when nobody named one.
    :param deletion_requests: Heap's IDs of the deletions that were asked for; None where nothing is deleted.
    """

    rows_read: int = 0
    unchanged: int = 0
    invalid: int = 0
    rejected: int = 0
    sent: int = 0
    truncated: int = 0
    requests: int = 0
    bytes: int = 0
    duplicate_keys: int | None = None
    new_keys: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    rejects: str | None = None
    sync: dict[str, Any] | None = None
    would_send: int | None = None
    dry_run_path: str | None = None
    deletion_requests: list[str] | None = None
    _started: float = field(default_factory=time.monotonic)
    _ended: float | None = None

    @property
    def read(self) -> int:
        """Rows read whose outcome is known. In a run that ended early, rows still on their way are not among them."""
        return self.unchanged + self.invalid + self.rejected + self.done

    @property
    def done(self) -> int:
        """Items that Heap accepted, or that a dry run would have sent."""
        return self.sent if self.would_send is None else self.would_send

    @property
    def seconds(self) -> float:
        """How long the run took, or takes until now."""
        return (self._ended or time.monotonic()) - self._started

    def end(self) -> None:
        """Stop the clock."""
        self._ended = self._ended or time.monotonic()

    def as_dict(self) -> dict[str, Any]:
        """Return the counters as operators return them: small, and JSON."""
        return {
            "read": self.read,
            "unchanged": self.unchanged,
            "invalid": self.invalid,
            "rejected": self.rejected,
            "sent": self.sent,
            **({} if self.would_send is None else {"would_send": self.would_send}),
            "truncated": self.truncated,
            "requests": self.requests,
            "bytes": self.bytes,
            **({} if self.duplicate_keys is None else {"duplicate_keys": self.duplicate_keys}),
            "seconds": round(self.seconds, 3),
            "reasons": dict(self.reasons),
            "rejects": self.rejects,
            **({} if self.would_send is None else {"dry_run_path": self.dry_run_path}),
            **({} if self.deletion_requests is None else {"deletion_requests": list(self.deletion_requests)}),
            "sync": self.sync,
        }

    def recap(self, title: str) -> list[str]:
        """
        Return the lines of the table that ends a run's log.

        :param title: what was synced, and where to.
        """
        seconds, reasons = max(self.seconds, 1e-9), self.reasons.most_common()
        dry = self.would_send is not None
        # Of a run that ended early: rows that were read and not sent, or whose request was not answered.
        unconfirmed = max(self.rows_read - self.read, 0)
        rows: list[tuple[str, str]] = [
            ("rows read", f"{self.read + unconfirmed:>12,}"),
            ("  unchanged", f"{self.unchanged:>12,}"),
            ("  invalid", f"{self.invalid:>12,}"),
            *((f"    {reason}", f"{count:>12,}") for reason, count in reasons if not reason.startswith("http_")),
            *([] if dry else [("  rejected", f"{self.rejected:>12,}")]),
            *((f"    {reason}", f"{count:>12,}") for reason, count in reasons if reason.startswith("http_")),
            ("  would send" if dry else "  sent", f"{self.done:>12,}"),
            *([("  not confirmed", f"{unconfirmed:>12,}")] if unconfirmed else []),
            *([] if self.duplicate_keys is None else [("keys more than once", f"{self.duplicate_keys:>12,}")]),
            ("texts truncated", f"{self.truncated:>12,}"),
            ("requests", f"{self.requests:>12,}   {self.bytes:,} bytes"),
            ("seconds", f"{self.seconds:>12,.1f}   {self.done / seconds:,.0f} rows/s {'prepared' if dry else 'sent'}"),
        ]
        if self.rejects:
            rows.append(("rejects file", f"   {self.rejects}"))
        if self.dry_run_path:
            rows.append(("requests kept in", f"   {self.dry_run_path}"))
        if dry:
            rows.append(("nothing was sent", "   this was a dry run"))
        # No wider than what Airflow's UI shows of a line.
        rule = "-" * min(max(len(title), 44), 80)
        return [title, rule, *(f"{name:<24}{value}" for name, value in rows), rule]

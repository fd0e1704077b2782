"""
Make users of FAB in the database of an Airflow: ``python -m tests.system.page_fab``. Each one's password is its name.

It runs in that Airflow's environment, which may be of another version than the tests'.
"""

from __future__ import annotations

#: What FAB's own Viewer lacks: see docs/ui.md.
_PLUGINS = [("can_read", "Plugins")]
_ONE_DAG = [("can_read", name) for name in ("Website", "DAG:crm", "DAG Runs", "Task Instances", "XComs")]
#: Users and their roles. ``viewer`` has FAB's own role, as it is.
USERS = {
    "admin": ["Admin"],
    "viewer": ["Viewer"],
    "reader": ["Viewer", "Plugin reader"],
    "user": ["User", "Plugin reader"],
    "crm": ["Only crm", "Plugin reader"],
}


def main() -> None:
    """Store roles and users."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        roles = {"Plugin reader": _PLUGINS, "Only crm": _ONE_DAG}
        manager.bulk_sync_roles([{"role": name, "perms": permissions} for name, permissions in roles.items()])
        for name, names in USERS.items():
            made = manager.add_user(
                name, name, name, f"{name}@example.com", [manager.find_role(r) for r in names], name
            )
            assert made, name


if __name__ == "__main__":
    main()

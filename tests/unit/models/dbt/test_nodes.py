"""A node is found by each of its names, and what has no rows to read is refused with the reason."""

from __future__ import annotations

import re

import pytest

from tests.unit.models.dbt.project import change, refusal, sql


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("dim_users", '"postgres"."dbt_probe"."dim_users"'),
        ("shop.dim_users", '"postgres"."dbt_probe"."dim_users"'),
        ("model.shop.dim_users", '"postgres"."dbt_probe"."dim_users"'),
        ("aliased", '"postgres"."dbt_probe_marts"."people"'),
        ("people", '"postgres"."dbt_probe_marts"."people"'),
        ("QuotedMixed", '"postgres"."dbt_probe"."Dim Accounts"'),
        ("Dim Accounts", '"postgres"."dbt_probe"."Dim Accounts"'),
        ("users_snapshot", '"postgres"."dbt_probe_snap"."users_snapshot"'),
        ("countries", '"postgres"."dbt_probe"."countries"'),
        ("raw.orders", '"postgres"."dbt_probe_raw"."orders"'),
        ("Old Orders", '"postgres"."dbt_probe_raw"."Old"'),
        ("source.shop.raw.Old Orders", '"postgres"."dbt_probe_raw"."Old"'),
        ("versioned", '"postgres"."dbt_probe"."versioned_v2"'),
        ("versioned.v1", '"postgres"."dbt_probe"."versioned_v1"'),
        ("shop.versioned.v2", '"postgres"."dbt_probe"."versioned_v2"'),
    ],
)
def test_a_model_is_found_by_each_of_its_names_whichever_version_of_dbt_it_was(each_version, name, relation):
    assert sql(name, each_version) == f"select * from {relation}"


def test_the_message_about_an_absent_model_lists_what_there_is_similar_names_first():
    message = refusal("dim_user")
    assert "There is no model, snapshot, seed or source 'dim_user' in /" in message
    assert "of dbt 1.11.16. It has: 'dim_users', 'QuotedMixed', 'after_broken', " in message
    assert "'raw.orders'" in message


def test_a_long_list_of_names_is_truncated(target):
    def edit(manifest):
        users = manifest["nodes"]["model.shop.dim_users"]
        for n in range(100):
            uid = f"model.shop.m{n:03}"
            manifest["nodes"][uid] = {**users, "unique_id": uid, "name": f"m{n:03}", "alias": f"m{n:03}"}

    change(target / "manifest.json", edit)
    message = refusal("nothing_like_it", target / "manifest.json")
    assert re.search(r"and \d\d more\.$", message)
    assert len(message) < 1000


def test_an_ambiguous_name_is_refused_with_each_of_its_meanings(target):
    def edit(manifest):
        other = {**manifest["nodes"]["model.shop.dim_users"], "unique_id": "model.pkg.x", "package_name": "pkg"}
        manifest["nodes"]["model.pkg.x"] = other
        manifest["nodes"]["model.shop.fct_orders"]["alias"] = "dim_users"

    change(target / "manifest.json", edit)
    message = refusal("dim_users", target / "manifest.json")
    assert "may mean more than one thing" in message
    assert "'model.pkg.x', 'model.shop.dim_users', 'model.shop.fct_orders'. Name one of these." in message
    assert sql("pkg.dim_users", target / "manifest.json").endswith('"dim_users"')


def test_versions_without_a_latest_one_are_ambiguous(target):
    def edit(manifest):
        for node in manifest["nodes"].values():
            node["latest_version"] = None

    change(target / "manifest.json", edit)
    assert "'model.shop.versioned.v1', 'model.shop.versioned.v2'" in refusal("versioned", target / "manifest.json")


def test_a_model_wins_over_a_source_whose_table_has_its_name(target):
    def edit(manifest):
        manifest["sources"]["source.shop.raw.orders"]["name"] = "dim_users"

    change(target / "manifest.json", edit)
    assert sql("dim_users", target / "manifest.json").endswith('"dbt_probe"."dim_users"')
    assert sql("raw.dim_users", target / "manifest.json").endswith('"dbt_probe_raw"."orders"')


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("eph", "is ephemeral: dbt keeps no table or view of it"),
        ("off", "'off' is disabled"),
        ("shop.off", "is disabled"),
        ("an", "of the kind 'analysis', which has no rows"),
        ("assert_users", "of the kind 'test', which has no rows"),
        ("test.shop.assert_users", "of the kind 'test', which has no rows"),
    ],
)
def test_what_has_no_rows_is_refused_with_the_reason(each_version, name, reason):
    assert reason in refusal(name, each_version)


def test_a_manifest_without_relation_names_is_refused(target):
    change(target / "manifest.json", lambda manifest: manifest["nodes"]["model.shop.dim_users"].pop("relation_name"))
    assert "has no relation_name" in refusal("dim_users", target / "manifest.json")

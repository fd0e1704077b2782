"""Assets of the scheme ``heap``: ``heap://<host>/<App ID>/<users, accounts or events>``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject

__all__ = ["asset_uri", "convert_asset_to_openlineage", "openlineage_dataset", "sanitize_uri"]

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Asset


def asset_uri(environment: Environment, heap_object: HeapObject) -> str:
    """
    Return the URI of what a sync writes to.

    :param environment: the environment that it writes to.
    :param heap_object: what its rows become.
    """
    return f"heap://{urlsplit(environment.base_url).netloc}/{environment.app_id}/{heap_object.array_name}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Return the normal form of a URI. Any path is valid: a user may call an asset ``heap://users``.

    :param uri: the URI as a user wrote it.
    """
    return uri._replace(scheme="heap", netloc=uri.netloc.lower())


def openlineage_dataset(uri: str) -> Dataset:
    """
    Return the dataset of a URI; its host is the namespace.

    :param uri: a URI of the scheme ``heap``.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(uri)
    return Dataset(namespace=f"heap://{parts.netloc}", name=parts.path.strip("/") or parts.netloc)


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> Dataset:
    """
    Return the dataset of an asset; the OpenLineage provider calls this.

    :param asset: an asset of the scheme ``heap``.
    :param lineage_context: the hook; not used, because the URI says everything.
    """
    return openlineage_dataset(asset.uri)

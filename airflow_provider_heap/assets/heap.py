"""Assets of the scheme ``heap``: ``heap://<host>/<App ID>/<users, accounts or events>``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_heap.api.environment import Environment
from airflow_provider_heap.api.objects import HeapObject

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Asset


def asset_uri(environment: Environment, heap_object: HeapObject) -> str:
    """
    Return the URI of what a sync writes to.

    :param environment: where to.
    :param heap_object: what the rows become.
    """
    return f"heap://{urlsplit(environment.base_url).netloc}/{environment.app_id}/{heap_object.array_name}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Return the one form of a URI. Any path will do: ``heap://users`` is a good name for an asset of yours.

    :param uri: as somebody wrote it.
    """
    return uri._replace(scheme="heap", netloc=uri.netloc.lower())


def openlineage_dataset(uri: str) -> Dataset:
    """
    Return what OpenLineage calls the same: the host is the namespace.

    :param uri: of the scheme ``heap``.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(uri)
    return Dataset(namespace=f"heap://{parts.netloc}", name=parts.path.strip("/") or parts.netloc)


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> Dataset:
    """
    Return the dataset of an asset, for OpenLineage's own use.

    :param asset: of the scheme ``heap``.
    :param lineage_context: the hook; all there is to know stands in the URI.
    """
    return openlineage_dataset(asset.uri)

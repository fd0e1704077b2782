"""Folders on local disk or in object storage that parameters name."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_heap.exceptions import ModelError

#: What is installed for a scheme: the provider that Airflow knows its connections by, with the library that reads it.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "apache-airflow-providers-amazon[s3fs]"),
    **dict.fromkeys(("gs", "gcs"), "apache-airflow-providers-google"),
    **dict.fromkeys(("abfs", "abfss", "adl"), "apache-airflow-providers-microsoft-azure"),
}


def storage_folder(parameter: str, path: str | ObjectStoragePath) -> ObjectStoragePath:
    """
    Return a folder, and make sure that what is needed to reach it is installed; nothing is read or written.

    :param parameter: name of the parameter, for the message.
    :param path: a path, or any URL of ``ObjectStoragePath``.
    :raises ModelError: when its scheme is unknown or needs a package that is not installed, with how to install it.
    """
    scheme = str(path).partition("://")[0].rpartition("@")[2] if "://" in str(path) else ""
    try:
        folder = ObjectStoragePath(path)
        folder.fs  # noqa: B018  # what makes a file system is imported here
    except Exception as error:  # whatever a file system's library raises
        message = f"{parameter}={str(path)!r} is not a folder that can be used ({type(error).__name__}: {error})"
        if _needs_package(error) and (package := _PACKAGES.get(scheme)):
            raise ModelError(f"{message}. Install what it needs: pip install '{package}'") from error
        raise ModelError(f"{message}. Name a path, or a URL whose provider is installed.") from error
    return folder


def _needs_package(error: BaseException | None) -> bool:
    """Return whether a package is missing: Airflow has no file system of the scheme, or that can't be imported."""
    if error is None:
        return False
    is_missing = isinstance(error, ImportError) or "No filesystem registered" in str(error)
    return is_missing or _needs_package(error.__cause__ or error.__context__)

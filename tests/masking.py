"""Where Airflow's versions have the function that masks a secret."""

from __future__ import annotations

try:
    from airflow.sdk.log import mask_secret
except ImportError:  # Airflow 2
    from airflow.utils.log.secrets_masker import mask_secret  # type: ignore[no-redef]

__all__ = ["mask_secret"]

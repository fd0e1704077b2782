"""The links that Airflow shows on the page of a task."""

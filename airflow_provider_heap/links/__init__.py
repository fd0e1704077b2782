"""The buttons that Airflow shows at a task."""

"""The names that Airflow and OpenLineage have for data in Heap."""

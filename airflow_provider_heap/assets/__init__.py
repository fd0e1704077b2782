"""What is in Heap, as Airflow and OpenLineage name data."""

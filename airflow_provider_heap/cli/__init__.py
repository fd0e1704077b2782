"""``airflow heap ...``: commands for a person who looks after syncs. Airflow knows them from 3.2 on."""

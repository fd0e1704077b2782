"""The page *Heap* in Airflow's UI: what the API server reads for it, and who may see what."""

"""
Comparing rows inside the database that they come from, for ``diff_schema``.

``dialects`` says what differs from database to database, ``statements`` writes the SQL, ``comparison`` runs it.
"""

"""Tables, migrations and all SQL.

Operations are plain functions of a connection; `Database` runs them, many to a commit.
"""

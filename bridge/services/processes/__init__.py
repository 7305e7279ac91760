"""Several processes that deliver from one database: who is there, and who leads."""

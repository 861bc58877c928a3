"""Django's PostgreSQL backend for a database whose primary can change (docs/high-availability.md)."""

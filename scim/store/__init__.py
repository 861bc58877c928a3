"""The verbs of the protocol on the tables: attribute paths become columns, filters SQL, changes rows."""

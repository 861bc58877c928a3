"""The protocol's verbs on the models: attribute paths to columns, filters to SQL, PATCH to deltas."""

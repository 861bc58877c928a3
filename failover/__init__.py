"""`make failover`: the recipe of `deploy/ha` on three machines made of namespaces, with faults under load."""

"""Every write to users and groups, each one transaction with its change event in it."""

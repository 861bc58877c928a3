"""The provisioning log: its pages, its filters, and what each request meant."""

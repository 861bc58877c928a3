"""The provisioning log: its pages, its filters, and the words for each request."""

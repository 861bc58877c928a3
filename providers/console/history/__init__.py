"""Change events in words: the audit, and what the other pages show of an event."""

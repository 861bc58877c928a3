"""Change events in words: the audit, and the texts that other pages show about an event."""

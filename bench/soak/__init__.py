"""`make soak`: ten directories send for half an hour, and one of them misbehaves."""

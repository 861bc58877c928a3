"""Accounts of the console: signing in, two-step sign-in, language, and the pages that manage accounts."""

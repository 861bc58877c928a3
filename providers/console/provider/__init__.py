"""Providers: the list, and the pages and dialogs of one provider."""

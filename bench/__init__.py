"""`make bench` measures the console's pages with many users and a long log."""

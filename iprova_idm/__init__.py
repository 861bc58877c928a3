"""The Django project: options, settings and URLs, and the programs that start the product."""

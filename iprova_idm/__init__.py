"""The Django project: options, settings, urls, and how the product is started."""

"""SCIM over HTTP: DRF views, bearer authentication, the parser, and one handler for every error."""

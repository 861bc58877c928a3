"""SCIM over HTTP: DRF views, bearer authentication, parsing of bodies and queries, refusals and the error handler."""

"""The SCIM 2.0 protocol (RFC 7643, RFC 7644) in plain Python: values in, values or `ScimError` out.

Knows no request, database, clock or setting. Resources are dicts as `json` gives them.
Imports run one way: errors → values → policy → attributes → paths → filters → conditions →
validation → patch → projection → messages.
"""

"""The SCIM 2.0 protocol (RFC 7643, RFC 7644) in plain Python: values in, values or `ScimError` out.

Nothing here reads a request, a database, a clock or a setting. Resources are dicts as `json` gives them.
A module imports only modules of the rows below its own; `make check` checks that:

    members                             what a PATCH does to the members of a group
    patch                               a PATCH body as changes
    changes                             changes applied to a resource
    listing · validation                what a query asks for · resources against their schema
    definitions · bulk                  schema extensions · bulk requests
    projection · messages · conditions  which attributes are answered · documents · filters bound to a schema
    policy                              what a client may get wrong, and how much it may ask
    filters                             filters and paths as trees
    paths                               attribute paths
    errors · attributes                 every refusal · the schemas
    values                              comparison keys
"""

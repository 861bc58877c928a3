"""`make demo`: a simulated Entra ID provisions an invented organisation into a running server.

`directory` and `changes` make the source, `entra` sends the requests that Entra ID would send, and
`compare` compares the database with the source. The product itself does not import this package.
"""

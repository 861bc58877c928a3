"""`make demo`: a pretended Entra ID provisions an invented organisation into a running server.

`directory` and `changes` are the source, `entra` plays what Entra ID sends, `compare` judges what
the database holds afterwards. Nothing of the product imports this package.
"""

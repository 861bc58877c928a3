"""Statements and round trips are counted in PostgreSQL's own protocol."""

import os

import psycopg

from bench.scim import trips


def test_statements_and_round_trips_of_a_connection(db, monkeypatch, tmp_path):
    monkeypatch.setattr(trips, "FOLDER", tmp_path)
    with trips.proxy(os.environ["DATABASE_URL"]) as proxy:
        with psycopg.connect(proxy.url, autocommit=True) as connection:
            for link in proxy.links:
                link.forget()
            connection.execute("SELECT 1")
            connection.execute("SELECT %s", [2], prepare=True)
            with connection.pipeline():
                connection.execute("SELECT 3")
                connection.execute("SELECT 4")
        [link] = proxy.links
        # Preparing is a round trip of its own, and no statement that runs.
        assert (link.statements, link.round_trips) == (4, 4)

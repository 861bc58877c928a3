"""Names in mails and in what commands print."""

import time

import pytest

from providers.plain_text import one_line


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Jané O\u2019Neill", "Jané O\u2019Neill"),
        ("  a \t b  ", "a b"),
        ("a\r\n-- \nb", "a -- b"),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g", "a b c d e f g"),
        ("\x1b[2Ja\x00b\x7f\x9b", "\ufffd[2Ja\ufffdb\ufffd\ufffd"),
        ("invoice\u202efdp.exe\u2066", "invoice\ufffdfdp.exe\ufffd"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        (" " * 131_072 + "x", "…"),
        ("", ""),
    ],
)
def test_l1_a_name_is_one_line(name, shown):
    assert one_line(name) == shown
    assert len(shown.splitlines()) <= 1


def test_l1_a_long_name_costs_nothing():
    started = time.process_time()
    for name in ("\n" * 131_072, "\x1b" * 131_072, "a b" * 43_000):
        assert len(one_line(name)) <= 200
    assert time.process_time() - started < 0.05

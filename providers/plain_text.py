"""Names in plain text: mails and what commands print. Directories choose them, so they must stay inside their line."""

import re

MOST_SHOWN = 200
# Control characters, and those that reverse the direction of what follows.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


# The characters that turn the letters after them round, until they are closed.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return a text with a sign such as [U+202E] in place of each character that turns the letters after it round."""
    return _TURNING.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def one_line(name: str, most: int = MOST_SHOWN) -> str:
    """Return a name on one line, cut to `most` characters; a control character becomes U+FFFD."""
    # A name may be 128 kB of white space. What is cut off must not cost anything.
    text = _CONTROLS.sub("\ufffd", " ".join(name[: 4 * most].split()))
    return text if len(text) <= most and len(name) <= 4 * most else f"{text[: most - 1]}…"

"""How long a request body may be, by its address. The server looks at this before it reads the body (threat V39)."""

from urllib.parse import unquote

from iprova_idm.options import Options

MIB = 1_048_576
FORM = MIB  # the longest form has 5,000 ranges
# The end of a console address to which a file is uploaded, and how long its form may be. The views limit the files.
UPLOADS = {"/ip-restriction/import/": 20 * MIB, "/schemas/upload/": FORM}
# Before somebody has signed in, there are only the forms of the sign-in and of the language.
SIGN_IN = 65_536
# The form of the token endpoint, with an assertion.
TOKEN = 16_384


def largest_body(options: Options, path: str) -> int:
    """Return the most bytes that a body sent to `path` (percent-encoded or not) may have."""
    path = unquote(path)
    if is_scim_path(path):
        return options.max_body_mib * MIB
    if path == "/oauth/token":
        return TOKEN
    if path.startswith("/login/"):
        return SIGN_IN
    return next((most for end, most in UPLOADS.items() if path.endswith(end)), FORM)


def is_api_path(path: str) -> bool:
    """Return whether an address is for programs: SCIM, or OAuth with its documents."""
    return is_scim_path(path) or path.startswith(("/oauth/", "/.well-known/oauth-"))


def is_scim_path(path: str) -> bool:
    """Return whether an address is `/scim` in any case, or below it."""
    return path[:5].lower() == "/scim" and path[5:6] in ("", "/")

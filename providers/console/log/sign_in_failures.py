"""Explains why a client got no access token, in words: one row for each `SignInFailure`.

`EXPLANATIONS` of `providers.console.log.explanations` takes its rows from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from providers.console.frame.page import Text
from providers.outcomes import SignInFailure


@dataclass(frozen=True)
class Words:
    """What happened, what it means and what to do. `is_ours`: an administrator of iProva does it."""

    title: Text
    meaning: Text
    act: Text
    is_ours: bool = False


_COPY_SECRET = _("Enter the secret in the directory again. If nobody has it any more, rotate it here.")
_COPY_VALUES = _(
    "Compare the values on the page Sign-in with those of the directory, and correct the ones that differ."
)
_NOT_SIGNED = _("Nobody needs to act if it does not come back: it was not signed by the directory.")
_CLOCK = _("Check the clock of this server and that of the directory.")

WORDS: Mapping[SignInFailure, Words] = {
    SignInFailure.METHOD: Words(
        _("The client signs in in another way."),
        _("A client with a secret sent an assertion, or one without a secret sent a secret."),
        _("Choose the authentication method in the directory for which the client was made here."),
    ),
    SignInFailure.SECRET_WRONG: Words(
        _("The client secret is wrong."),
        _("The client exists, and no secret of it is the one that was sent."),
        _COPY_SECRET,
    ),
    SignInFailure.SECRET_REVOKED: Words(
        _("The client secret was revoked."),
        _("The directory still sends a secret that an administrator has revoked. No user is disabled by this."),
        _("Enter the present secret in the directory, or rotate it here to get a new one."),
    ),
    SignInFailure.SECRET_EXPIRED: Words(
        _("The client secret has expired."),
        _("The directory sends a secret that has expired. No user is disabled by this."),
        _("Rotate the secret here, and enter the new one in the directory as Client Secret."),
        is_ours=True,
    ),
    SignInFailure.CLIENT_REVOKED: Words(
        _("The client was revoked."),
        _("The directory still signs in as a client that an administrator has revoked."),
        _("Add a new client here, and enter its values in the directory."),
        is_ours=True,
    ),
    SignInFailure.CLIENT_SUSPENDED: Words(
        _("The client is suspended."),
        _("An administrator of iProva has suspended this client. No user is disabled by this."),
        _("Restore the client; the next cycle continues where it stopped."),
        is_ours=True,
    ),
    SignInFailure.PROVIDER_DELETED: Words(
        _("The provider of this client was deleted."),
        _("The directory still signs in for a provider that no longer exists."),
        _("Stop provisioning in the directory, or restore the provider."),
    ),
    SignInFailure.ASSERTION_TOO_LONG: Words(
        _("The assertion is too long."),
        _("The directory sent an assertion of more than 8 KiB. Entra ID's has about 2."),
        _NOT_SIGNED,
    ),
    SignInFailure.ASSERTION_FORM: Words(
        _("The assertion cannot be read."),
        _("What was sent as client_assertion is not a signed JWT of three parts."),
        _NOT_SIGNED,
    ),
    SignInFailure.ASSERTION_ALGORITHM: Words(
        _("The assertion is signed in a way that is not accepted."),
        _("Only RS256, PS256 and ES256 are accepted: none at all, or a shared secret, proves nothing."),
        _("Let the directory sign with one of these. Entra ID always uses RS256."),
    ),
    SignInFailure.ASSERTION_NO_KEY_ID: Words(
        _("The assertion does not name its key."),
        _("The header of the assertion has no kid, so the key that signed it cannot be found."),
        _("Let the directory send kid. Entra ID always does."),
    ),
    SignInFailure.ASSERTION_ISSUER: Words(
        _("The assertion is from another issuer."),
        _("Its issuer (iss) is not the one that was entered here: it may be another tenant."),
        _COPY_VALUES,
        is_ours=True,
    ),
    SignInFailure.ASSERTION_KEYS: Words(
        _("The keys of the issuer could not be fetched."),
        _("iProva could not read the keys at the JWKS URL, and has none that are newer than a week."),
        _(
            "Check the JWKS URL, and whether this server may call it. Without a way out, paste the keys on the page "
            "Sign-in."
        ),
        is_ours=True,
    ),
    SignInFailure.ASSERTION_KEY: Words(
        _("The issuer does not have the key of the assertion."),
        _("The assertion names a key that is not among the keys of the issuer, or cannot be used."),
        _("Check the JWKS URL. A new key is fetched within a minute; pasted keys have to be replaced by hand."),
        is_ours=True,
    ),
    SignInFailure.ASSERTION_SIGNATURE: Words(
        _("The signature of the assertion is not valid."),
        _("The key of the issuer did not sign this assertion: it was changed on the way, or forged."),
        _NOT_SIGNED,
    ),
    SignInFailure.ASSERTION_EXPIRED: Words(
        _("The assertion has expired."),
        _("The directory sent an assertion that has expired, or one without an end."),
        _CLOCK,
        is_ours=True,
    ),
    SignInFailure.ASSERTION_NOT_YET: Words(
        _("The assertion is not valid yet."),
        _("It begins more than 60 seconds from now: one of the clocks is wrong."),
        _CLOCK,
        is_ours=True,
    ),
    SignInFailure.ASSERTION_LIFE: Words(
        _("The assertion lives too long."),
        _("It would be valid for more than 24 hours. Entra ID's lives about 65 minutes."),
        _("Let the directory make assertions for a shorter time."),
    ),
    SignInFailure.ASSERTION_TENANT: Words(
        _("The assertion is from another tenant."),
        _("Its tenant (tid) is not the one that was entered here."),
        _COPY_VALUES,
        is_ours=True,
    ),
    SignInFailure.ASSERTION_SUBJECT: Words(
        _("The assertion is about somebody else."),
        _("Its subject (sub), an application in Entra ID, is not the one that is trusted here."),
        _("If it is the right application, trust it on the page Sign-in; otherwise find out which one it is."),
        is_ours=True,
    ),
    SignInFailure.ASSERTION_AUDIENCE: Words(
        _("The assertion is for somebody else."),
        _("Its audience (aud) is not the one that was entered here, with or without api:// before it."),
        _COPY_VALUES,
        is_ours=True,
    ),
    SignInFailure.ASSERTION_AUTHORIZED_PARTY: Words(
        _("The assertion was made for another application."),
        _("Its authorized party (azp) is not the one that was entered here."),
        _COPY_VALUES,
        is_ours=True,
    ),
    SignInFailure.ASSERTION_NO_ID: Words(
        _("The assertion has no id."),
        _("A client that signs for itself has to send jti, which is accepted once."),
        _("Let the client add a jti to each assertion."),
    ),
    SignInFailure.ASSERTION_USED: Words(
        _("The assertion came a second time."),
        _("A client that signs for itself has to make a new assertion for each access token."),
        _("Let the client make a new assertion each time. If it does, somebody else has seen one: revoke the client."),
    ),
}

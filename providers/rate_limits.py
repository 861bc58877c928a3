"""The limits on how often somebody may ask, as token buckets (`providers.buckets`)."""

from django.conf import settings

from providers.buckets import Buckets, shared_table

# What each provider sends, by its id.
providers = Buckets(shared_table(0), rate=settings.OPTIONS.provider_rate, burst=settings.OPTIONS.provider_burst)
# Requests to /scim that were refused for their token or their address, by the caller's address.
refused = Buckets(shared_table(1), rate=settings.OPTIONS.refused_rate, burst=10 * settings.OPTIONS.refused_rate)
# Entries of throttled requests in the provisioning log, by provider; the others are counted only.
logged = Buckets(shared_table(2), rate=1, burst=100)
# Wrong passwords, by the caller's address. A colleague who mistypes never meets it.
passwords = Buckets(shared_table(3), rate=0.2, burst=10)
# Requests that may wait until a password can be checked, in all workers together.
waits = Buckets(shared_table(4), rate=0.2, burst=5)

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
# The same, remembered for longer: it decides who may wait when no password can be checked at the moment.
known_wrong = Buckets(shared_table(8), rate=1 / 1_800, burst=6)
# Requests that may wait for that, in all workers together: each takes a second of a worker at most.
waits = Buckets(shared_table(4), rate=0.1 * settings.OPTIONS.workers, burst=5)
# Clients that did not show who they are, by the caller's address and the client id: ten in a minute.
sign_ins = Buckets(shared_table(9), rate=10 / 60, burst=10)
# Entries of sign-ins that anybody may have tried who knows a client id, by provider; the others are counted only.
unproven = Buckets(shared_table(10), rate=0.1, burst=20)
# Table 5 belongs to `password_checks`.
# Large exports that an account starts. Each gets a process, which takes a moment to notice that it was cancelled.
exports = Buckets(shared_table(6), rate=1 / 30, burst=5)
# Connection tests: one at a time, because each holds a worker while another one answers it, for up to ten seconds.
connection_tests = Buckets(shared_table(7), rate=0.1, burst=1)

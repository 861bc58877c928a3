"""`make bench`: what a request to the SCIM endpoint costs, next to other servers and to the floors of the stack."""

"""`make fuzz` sends generated input to the parsers, the SCIM endpoint and the console, and checks the database."""

"""External user management, the domain: providers, their tokens and rules, and what they provide."""

"""External user management: providers, their tokens and IP restrictions, and the users and groups they provision."""

"""What registries and their logins say, as text -> values: addresses, challenges, Docker configurations."""

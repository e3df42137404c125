"""OCI registries, over the network (OCI distribution specification 1.1).

`transport` sends one request within limits, `logins` finds who we are, `access` turns a challenge into a header, `repository` has
the verbs, `tags` adds to cosign's tags without losing what others add.
"""

"""The wire of Rekor logs, both versions and both ways: what they are asked to keep, what they answer.

Version 1 keeps `hashedrekord` (a hash, a signature and a key), `dsse` and `intoto` (which are sent a whole envelope and keep
hashes of it). Version 2 keeps `hashedrekord` alone; of an envelope it is given the hash of what is signed, the
pre-authentication encoding. What a body says is read where it is proven, in `core/proof/logbody`.
Sources: sigstore/rekor, openapi.yaml and pkg/types; rekor-tiles, CLIENTS.md.
"""

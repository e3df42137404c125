"""The options that say whom to trust, the same for every kind of thing that is verified."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, BinaryIO, TypeVar

import click

from sealwright.cli import policies
from sealwright.cli.verify import telling
from sealwright.core import keys
from sealwright.core.errors import Permanent, Reason
from sealwright.core.keys import Form
from sealwright.core.model import value
from sealwright.core.policy import people
from sealwright.core.policy.people import People
from sealwright.core.proof import trustroot
from sealwright.core.proof.identity import TrustedIdentity
from sealwright.core.proof.trust import Trust, TrustedKey
from sealwright.core.proof.trustroot import TrustedRoot

F = TypeVar("F", bound=Callable[..., Any])


@value
class Asked:
    """What the options said."""

    keys: Sequence[BinaryIO]
    keys_needed: int
    form: Form | None
    identity: str
    identity_pattern: str
    issuer: str
    issuer_pattern: str
    root: BinaryIO | None
    tuf_mirror: str
    tuf_root: BinaryIO | None
    logs_needed: int | None
    clocks_needed: int
    certificate_log: bool


_OPTIONS = (
    click.option("--key", "keys", type=click.File("rb"), multiple=True, help="Public key (PEM) to trust; may be repeated."),
    click.option(
        "--threshold", "keys_needed", type=click.IntRange(1, 100), default=1, help="Distinct keys that must have signed."
    ),
    click.option(
        "--hash",
        "form",
        type=click.Choice(["sha256", "by-curve"]),
        help="How keys sign: sha256 unless said (certificates: either); by-curve is Chains' way with P-384, P-521, Ed25519 keys.",
    ),
    click.option("--certificate-identity", "identity", default="", help="Name in the signer's certificate."),
    click.option("--certificate-identity-regexp", "identity_pattern", default="", help="Pattern (RE2) for the whole name."),
    click.option(
        "--certificate-oidc-issuer", "issuer", default="", help="Who vouched for that name; `any` for certificates without."
    ),
    click.option("--certificate-oidc-issuer-regexp", "issuer_pattern", default="", help="Pattern (RE2) for the whole issuer."),
    click.option(
        "--trusted-root", "root", type=click.File("rb"), help="trusted_root.json: authorities, logs and clocks to trust."
    ),
    click.option("--tuf-mirror", default="", help="TUF repository (https) to fetch the trusted root from; needs --tuf-root."),
    click.option("--tuf-root", type=click.File("rb"), help="The repository's root.json to start from; it comes from you."),
    click.option("--min-logs", "logs_needed", type=click.IntRange(0, 32), help="Distinct trusted logs; 1 with a trusted root."),
    click.option(
        "--min-clocks", "clocks_needed", type=click.IntRange(0, 32), default=0, help="Distinct trusted timestamp authorities."
    ),
    click.option(
        "--certificate-log/--no-certificate-log",
        default=True,
        help="Whether a log of certificates (CT) must have seen the certificate; private authorities may have none.",
    ),
)


def options(command: F) -> F:
    """Adds them all, and those of a policy whose signers are trusted too, as the argument `trust` (a `Whom`)."""

    def wrapped(**given: Any) -> Any:
        policy = policies.asked(*(given.pop(name) for name in policies.ARGUMENTS))
        asked = Asked(**{field.name: given.pop(field.name) for field in fields(Asked)})
        trust = of(asked, policy.policy.signers if policy else {})
        return command(trust=policies.Whom(trust=trust, policy=policy), **given)

    return telling.replacing(command, wrapped, (*_OPTIONS, *policies.OPTIONS))


def of(asked: Asked, signers: People) -> Trust:
    """The trust that was asked for, and in `signers`. Raises Permanent: KEY_MISSING, KEY_UNUSABLE, INVALID_INPUT."""
    trusted = tuple(TrustedKey(key=keys.load_public(file.read()), form=asked.form or "sha256") for file in asked.keys)
    identities = (*_identities(asked), *people.trusted_identities(signers))
    return Trust(
        keys=(*trusted, *people.trusted_keys(signers)),
        keys_needed=asked.keys_needed,
        identities=identities,
        root=_root(asked, needed=bool(identities)),
        form=asked.form,
        logs_needed=1 if asked.logs_needed is None else asked.logs_needed,
        clocks_needed=asked.clocks_needed,
        certificate_logs_needed=int(asked.certificate_log),
    )


def _identities(asked: Asked) -> tuple[TrustedIdentity, ...]:
    if not (asked.identity or asked.identity_pattern or asked.issuer or asked.issuer_pattern):
        return ()
    any_issuer = asked.issuer == "any"
    identity = TrustedIdentity(
        name=asked.identity,
        name_pattern=asked.identity_pattern,
        issuer="" if any_issuer else asked.issuer,
        issuer_pattern=asked.issuer_pattern,
        any_issuer=any_issuer,
    )
    return (identity,)


def _root(asked: Asked, *, needed: bool) -> TrustedRoot | None:
    if asked.tuf_mirror or asked.tuf_root is not None:
        return trustroot.read(_followed(asked))
    if asked.root is not None:
        return trustroot.read(asked.root.read(trustroot.SIZE_LIMIT + 1))
    if asked.logs_needed or asked.clocks_needed:
        message = "--min-logs and --min-clocks need a trusted root (--trusted-root) that names these logs and clocks"
        raise Permanent(Reason.INVALID_INPUT, message)
    if not needed:
        return None
    from sealwright.edge import publicroot  # noqa: PLC0415  only now: it looks for the extra 'keyless'

    return trustroot.read(publicroot.read())


def _followed(asked: Asked) -> bytes:
    if not asked.tuf_mirror or asked.tuf_root is None or asked.root is not None:
        message = "--tuf-mirror and --tuf-root belong together, without --trusted-root: a repository does not vouch for itself"
        raise Permanent(Reason.INVALID_INPUT, message)
    from sealwright.app import cache  # noqa: PLC0415  only here is anything fetched
    from sealwright.edge import tufroot  # noqa: PLC0415

    return tufroot.follow(asked.tuf_mirror, asked.tuf_root.read(trustroot.SIZE_LIMIT + 1), cache.folder() / "tuf")

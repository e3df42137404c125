"""Cases for a Policy: statements as they would be signed, and the verdict that its author expects.

    now: "2026-06-01T00:00:00Z"
    cases:
    - name: what we release passes
      digest: sha256:<64 hex>
      expect: pass                # or fail, or unknown
      statements:
      - signer: controller        # a signer of the policy, or any other name for a stranger
        statement: {_type: https://in-toto.io/Statement/v1, ...}

Each statement is signed with a key made from its signer's name, and proven: a rehearsal takes the same way as the real thing.
These keys are known to everybody and stand in for the policy's own only here.
"""

import dataclasses
import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519

from sealwright.core import keys, statement, strict
from sealwright.core.envelope import dsse
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.keys import PrivateKey
from sealwright.core.model import Signature, Verified, value
from sealwright.core.policy import judging
from sealwright.core.policy.judging import Question
from sealwright.core.policy.language import Policy
from sealwright.core.policy.verdict import State, Verdict
from sealwright.core.proof import attestation as proof
from sealwright.core.proof.attestation import TrustedKey


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    signer: str
    statement: dict[str, Any]


class _Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    digest: str
    expect: Literal["pass", "fail", "unknown"]
    statements: list[_Signed] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    now: datetime
    cases: list[_Case]


@value
class Rehearsed:
    """One case, and how it ended."""

    name: str
    expected: State
    verdict: Verdict

    @property
    def is_as_expected(self) -> bool:
        return self.verdict.state is self.expected


def rehearse(policy: Policy, data: bytes, what: str) -> list[Rehearsed]:
    """Every case in JSON or YAML text. Raises Permanent(INVALID_INPUT), and what `strict` raises; so for no cases at all."""
    documents = strict.documents(data, what)
    try:
        file = msgspec.convert(documents[0] if len(documents) == 1 else None, _File)
    except msgspec.ValidationError as error:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: wanted one document with now and cases: {error}") from error
    if not file.cases or file.now.tzinfo is None:
        raise Permanent(Reason.INVALID_INPUT, f"{what}: wanted at least one case, and a time with its zone")
    stood_in = dataclasses.replace(policy, signers={name: _trusted(name) for name in policy.signers})
    return [_rehearsed(stood_in, case, file.now) for case in file.cases]


def _rehearsed(policy: Policy, case: _Case, now: datetime) -> Rehearsed:
    statements = [_proven(each, case.name) for each in case.statements]
    verdict = judging.judge(policy, Question(digest=case.digest, statements=statements, now=now))
    return Rehearsed(name=case.name, expected=State(case.expect), verdict=verdict)


def _proven(signed: _Signed, case: str) -> Verified:
    body = msgspec.json.encode(signed.statement)
    message = dsse.pae(statement.MEDIA_TYPE, body)
    signature = Signature(key_id="", raw=_key(signed.signer).sign(message, "sha256"))
    try:
        return proof.prove(dsse.seal(statement.MEDIA_TYPE, body, [signature]), [_trusted(signed.signer)])
    except Permanent as fault:
        raise Permanent(
            Reason.INVALID_INPUT, f"case {quote(case)}: a statement of {quote(signed.signer)}: {fault.message}"
        ) from fault


def _trusted(name: str) -> TrustedKey:
    return TrustedKey(key=_key(name).public)


def _key(name: str) -> PrivateKey:
    return keys.private_key(ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))

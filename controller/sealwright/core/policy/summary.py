"""Verification Summary Attestation: one signed sentence that says an artifact was judged by a policy, and how it ended.

Source: slsa.dev/verification_summary/v1.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sealwright.core import statement
from sealwright.core.model import Payload, Subject, Verified
from sealwright.core.policy.language import Policy
from sealwright.core.policy.verdict import Verdict

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"


def build(
    policy: Policy, verdict: Verdict, subject: Subject, *, used: Sequence[Verified], now: datetime, verifier: str
) -> Payload:
    """The Statement to sign. `used` are the statements that were looked at; `verifier` is this verifier's own uri.

    No level of SLSA is claimed: a policy says what was asked for, and only its reader knows which level that makes.
    """
    predicate = {
        "verifier": {"id": verifier},
        "timeVerified": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resourceUri": subject.name,
        "policy": {"uri": policy.name, "digest": {"sha256": policy.digest}},
        "inputAttestations": [{"digest": {"sha256": hashlib.sha256(each.payload.body).hexdigest()}} for each in used],
        "verificationResult": "PASSED" if verdict.is_pass else "FAILED",
        "verifiedLevels": [],
        "slsaVersion": "1.0",
    }
    return statement.payload(statement.V1, (subject,), PREDICATE_TYPE, predicate)

"""Keys in AWS KMS: `awskms:///KEY`, or `awskms://HOST/KEY` where the service answers elsewhere; KEY is an id, an alias or an ARN.

Logins are those of the AWS libraries: environment, web identity, pod identity, instance metadata.
"""

import contextlib
import re
from contextlib import AsyncExitStack
from typing import Any

from sealwright.core import keys
from sealwright.core.config import Settings
from sealwright.core.errors import Fault, Permanent, Reason, quote
from sealwright.edge.signing import CALLS, RECHECK_S, Held, Tools, denied, library, unavailable

NAMES = ("awskms",)

_REFERENCE = re.compile(r"awskms://([^/]*)/([^/].*)")
_ALGORITHMS = {
    "ecdsa-p256": "ECDSA_SHA_256",
    "ecdsa-p384": "ECDSA_SHA_384",
    "ecdsa-p521": "ECDSA_SHA_512",
    "ed25519": "ED25519_PH_SHA_512",
}
_WAIT = {"ThrottlingException", "Throttling", "RequestLimitExceeded", "LimitExceededException", "DependencyTimeoutException"}
_WAIT |= {"KMSInternalException", "KeyUnavailableException", "ExpiredTokenException", "ExpiredToken", "InternalFailure"}
_ADVICE = "grant kms:GetPublicKey and kms:Sign on this key to the identity of the controller"


async def hold(reference: str, _settings: Settings, _tools: Tools) -> "AwsKey":
    """Raises Permanent(INVALID_CONFIG)."""
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise Permanent(Reason.INVALID_CONFIG, f"{quote(reference)}: wanted awskms://[HOST]/KEY, KEY an id, alias/NAME or an ARN")
    where = f"AWS KMS key {quote(found[2])}"
    try:
        from aiobotocore.config import AioConfig  # noqa: PLC0415  an extra
        from aiobotocore.session import get_session  # noqa: PLC0415
    except ImportError as error:
        raise library(where, "aws", error) from error
    region = found[2].split(":")[3] if found[2].startswith("arn:") and found[2].count(":") >= 5 else None
    # Retries are ours: they wait as long as the service asks, and are seen.
    config = AioConfig(connect_timeout=5, read_timeout=50, retries={"mode": "standard", "total_max_attempts": 1})
    stack = AsyncExitStack()
    endpoint = f"https://{found[1]}" if found[1] else None
    try:
        client = await stack.enter_async_context(
            get_session().create_client("kms", region_name=region, endpoint_url=endpoint, config=config)
        )
    except Exception as error:  # what that library raises for a broken environment has no common class
        await stack.aclose()
        advice = "give the controller a region (AWS_REGION) and an identity"
        raise Permanent(Reason.INVALID_CONFIG, f"{where}: {quote(error)}; {advice}") from error
    return AwsKey(where, found[2], client, stack)


class AwsKey:
    """A `Holder`. An alias is followed when the key is loaded; signatures are then asked of the key that it named."""

    recheck_s = RECHECK_S
    calls = CALLS

    def __init__(self, where: str, key: str, client: Any, stack: AsyncExitStack) -> None:
        self.where, self._key, self._client, self._stack = where, key, client, stack

    async def load(self, _known: Held | None) -> Held:
        answer = await self._ask("get_public_key", KeyId=self._key)
        public = keys.load_public_der(answer["PublicKey"])
        algorithm = _ALGORITHMS.get(public.algorithm, "RSASSA_PKCS1_V1_5_SHA_256")
        if algorithm not in answer["SigningAlgorithms"]:
            found = ", ".join(map(str, answer["SigningAlgorithms"]))
            raise Permanent(Reason.KEY_UNUSABLE, f"{self.where} signs with {found}; wanted {algorithm}")
        # The service binds the hash to the curve.
        return Held(public=public, form="by-curve", handle=(answer["KeyId"], algorithm))

    async def sign(self, message: bytes, held: Held) -> bytes:
        key, algorithm = held.handle
        digest = keys.digest(held.public, held.form, message)[1]
        answer = await self._ask("sign", KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
        return bytes(answer["Signature"])

    async def close(self) -> None:
        await self._stack.aclose()

    async def _ask(self, method: str, **members: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415  an extra

        try:
            return await getattr(self._client, method)(**members)
        except ClientError as error:
            raise _fault(self.where, error.response) from error
        except NoCredentialsError as error:
            raise denied(self.where, "there are no credentials for AWS", "give the controller's ServiceAccount a role") from error
        except (BotoCoreError, OSError) as error:
            raise unavailable(self.where, quote(error)) from error


def _fault(where: str, answer: Any) -> Fault:
    code = str(answer.get("Error", {}).get("Code", ""))
    said = f"{code}: {quote(answer.get('Error', {}).get('Message', ''))}"
    meta = answer.get("ResponseMetadata", {})
    if code in _WAIT or int(meta.get("HTTPStatusCode", 0)) >= 500:
        after_s = None
        with contextlib.suppress(ValueError, TypeError):
            after_s = float(meta["HTTPHeaders"]["retry-after"]) if "retry-after" in meta.get("HTTPHeaders", {}) else None
        return unavailable(where, said, after_s)
    if code == "NotFoundException":
        return Permanent(Reason.KEY_MISSING, f"{where}: {said}; look at the id, the account and the region")
    if code in ("DisabledException", "KMSInvalidStateException"):
        return denied(where, said, "enable the key, or name another")
    if code in ("InvalidKeyUsageException", "UnsupportedOperationException"):
        return Permanent(Reason.KEY_UNUSABLE, f"{where}: {said}; wanted an asymmetric key for SIGN_VERIFY")
    return denied(where, said, _ADVICE)

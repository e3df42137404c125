"""An agent of SPIFFE on a socket: the Workload API over gRPC, with SVIDs that are real certificates."""

import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fakes import signers
from fakes.certificates import name

from sealwright.edge.signers import spiffe
from sealwright.edge.signing import CheckedSigner

ID = "spiffe://cluster.test/ns/tekton-chains/sa/controller"
_CA = signers.key("ecdsa-p256", 600)


class Agent:
    """`number` is which key the SVID has; `clients` counts connections that were made."""

    def __init__(self, now_s: float = 1e9) -> None:
        self.now_s = now_s
        self.number = 0
        self.mood = "good"
        self.asked = 0
        self.life_s = 3600.0
        self.hung = threading.Event()

    def svid(self) -> Any:
        from spiffe._proto import workload_pb2  # noqa: PLC0415

        key = signers.key("ecdsa-p256", 601 + self.number)
        start = datetime.fromtimestamp(self.now_s, UTC)
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        leaf = (
            x509.CertificateBuilder(issuer_name=name("spire"), subject_name=name("workload"), public_key=key.public.material)
            .serial_number(7 + self.number)
            .not_valid_before(start)
            .not_valid_after(start + timedelta(seconds=self.life_s))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ID)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(_CA.material, hashes.SHA256())
        )
        raw = key.material.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return workload_pb2.X509SVID(spiffe_id=ID, x509_svid=leaf.public_bytes(Encoding.DER), x509_svid_key=raw, bundle=b"")

    def _meet(self, context: Any) -> None:
        import grpc  # noqa: PLC0415

        self.asked += 1
        assert dict(context.invocation_metadata())["workload.spiffe.io"] == "true"
        if self.mood == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
        if self.mood == "down":
            context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
        if self.mood == "slow":
            self.hung.wait(20)

    # The names that the protocol gives.
    def FetchX509SVID(self, _request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        from spiffe._proto import workload_pb2  # noqa: PLC0415

        self._meet(context)
        yield workload_pb2.X509SVIDResponse(svids=[self.svid()])

    def FetchJWTSVID(self, request: Any, context: Any) -> Any:  # noqa: N802
        from spiffe._proto import workload_pb2  # noqa: PLC0415

        self._meet(context)
        return workload_pb2.JWTSVIDResponse(svids=[workload_pb2.JWTSVID(spiffe_id=ID, svid=self.jwt(request.audience[0]))])

    def jwt(self, audience: str) -> str:
        """A JWT-SVID; its signature is nobody's, which only the one who verifies it would see."""
        claims = {"sub": ID, "aud": [audience], "exp": 4_000_000_000, "iat": int(self.now_s)}
        parts = ({"alg": "ES256", "kid": "1", "typ": "JWT"}, claims)
        text = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        return ".".join((*text, "c2ln"))

    @contextmanager
    def serving(self, directory: Path) -> Iterator[str]:
        """The address of its socket."""
        import grpc  # noqa: PLC0415
        from spiffe._proto import workload_pb2, workload_pb2_grpc  # noqa: PLC0415

        methods = {
            "FetchX509SVID": grpc.unary_stream_rpc_method_handler(
                self.FetchX509SVID, workload_pb2.X509SVIDRequest.FromString, workload_pb2.X509SVIDResponse.SerializeToString
            ),
            "FetchJWTSVID": grpc.unary_unary_rpc_method_handler(
                self.FetchJWTSVID, workload_pb2.JWTSVIDRequest.FromString, workload_pb2.JWTSVIDResponse.SerializeToString
            ),
        }
        assert workload_pb2_grpc
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", methods),))
        address = f"unix://{directory}/agent.sock"
        server.add_insecure_port(f"unix:{directory}/agent.sock")
        server.start()
        try:
            yield address
        finally:
            self.hung.set()
            server.stop(0).wait()


@asynccontextmanager
async def opened(directory: Path, agent: Agent | None = None, **tools: Any) -> AsyncIterator[CheckedSigner]:
    """A signer with this agent, or one in a good mood."""
    with (agent or Agent()).serving(directory) as address:
        signer = await spiffe.open({"socket": address}, signers.tools(**tools))
        try:
            yield signer
        finally:
            await signer.close()

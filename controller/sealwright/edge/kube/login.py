"""Where the API server is and who we are there: inside a cluster from its files, elsewhere from a kubeconfig."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import value

_MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@value
class Login:
    """`token` is asked before each call: tokens are renewed on disk, and by the logins of a kubeconfig.

    `namespace` is the one that is meant where none is named; "" where the login says none.
    """

    server: str
    tls: ssl.SSLContext | None
    token: Callable[[], str]
    namespace: str = ""


def find(kubeconfig: Path | None) -> Login:
    """The login of this pod, or of the kubeconfig that is named or found where kubectl finds it.

    Raises Permanent(NOT_FOUND) where there is neither, INVALID_CONFIG where a kubeconfig cannot be used.
    """
    if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return _in_cluster()
    return _from_kubeconfig(kubeconfig)


def _in_cluster() -> Login:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    named = f"[{host}]" if ":" in host else host
    tls = ssl.create_default_context(cafile=str(_MOUNT / "ca.crt"))
    return Login(server=f"https://{named}:{port}", tls=tls, token=_file_token(_MOUNT / "token"))


def _file_token(path: Path) -> Callable[[], str]:
    """Reads the file again when it has changed: kubelets renew it long before it expires."""
    kept: tuple[int, str] = (0, "")

    def token() -> str:
        nonlocal kept
        try:
            changed = path.stat().st_mtime_ns
            if changed != kept[0]:
                kept = (changed, path.read_text().strip())
        except OSError as error:
            if not kept[1]:
                raise Transient(Reason.UNAVAILABLE, f"the token of the service account cannot be read: {error}") from error
        return kept[1]

    return token


def _from_kubeconfig(path: Path | None) -> Login:
    """The official client reads kubeconfigs: exec plug-ins, OIDC and cloud logins are its trade."""
    try:
        from kubernetes import client, config  # noqa: PLC0415  heavy, and optional
    except ImportError as error:
        advice = "install sealwright[kubeconfig], or run inside a cluster"
        raise Permanent(Reason.NOT_FOUND, f"reading a kubeconfig needs the kubernetes package: {advice}") from error
    found: Any = client.Configuration()
    try:
        config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(path) if path else None, client_configuration=found
        )
        _, context = config.list_kube_config_contexts(  # type: ignore[no-untyped-call]
            config_file=str(path) if path else None
        )
    except Exception as error:  # that client raises whatever a broken file leads it to
        raise Permanent(Reason.INVALID_CONFIG, f"kubeconfig {quote(path or '')}: {error}") from error
    namespace = str(context["context"].get("namespace") or "")
    return Login(server=found.host.rstrip("/"), tls=_tls(found), token=lambda: _bearer(found), namespace=namespace)


def _tls(found: Any) -> ssl.SSLContext | None:
    if not found.host.startswith("https://"):
        return None
    tls = ssl.create_default_context(cafile=found.ssl_ca_cert)
    if found.cert_file:
        tls.load_cert_chain(found.cert_file, found.key_file)
    if not found.verify_ssl:  # what `insecure-skip-tls-verify` in the user's own kubeconfig asks for
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls


def _bearer(found: Any) -> str:
    header = found.get_api_key_with_prefix("BearerToken", alias="authorization") or ""
    return str(header).removeprefix("Bearer ")

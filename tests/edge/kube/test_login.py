"""Where the API server is and who we are there."""

import json
import os

import pytest

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge.kube import login


def kubeconfig(path, **user):
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:6443/"}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return path


def test_a_kubeconfig_says_where_and_who(tmp_path):
    """Server and token; no TLS where the server has none."""
    found = login.find(kubeconfig(tmp_path / "config", token="t"))

    assert found.server == "http://127.0.0.1:6443"
    assert found.token() == "t"
    assert found.tls is None


def test_a_kubeconfig_without_a_token_sends_none(tmp_path):
    """A client certificate says who we are."""
    assert login.find(kubeconfig(tmp_path / "config")).token() == ""


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"clusters": 7}'])
def test_a_kubeconfig_that_cannot_be_used_is_told(tmp_path, text):
    """Missing, empty or broken: INVALID_CONFIG with its path."""
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Permanent, match="config") as told:
        login.find(path)

    assert told.value.reason is Reason.INVALID_CONFIG


@pytest.mark.parametrize(("host", "wanted"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")])
def test_in_a_pod_the_service_accounts_files_say_it(tmp_path, monkeypatch, host, wanted):
    """The server from the environment, the token from its file."""
    monkeypatch.setattr(login, "_MOUNT", tmp_path)
    monkeypatch.setattr(login.ssl, "create_default_context", lambda cafile: cafile)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    (tmp_path / "token").write_text("abc\n")
    found = login.find(None)

    assert (found.server, found.token(), found.tls) == (wanted, "abc", str(tmp_path / "ca.crt"))


def test_a_renewed_token_is_read_and_one_that_is_away_for_a_moment_is_kept(tmp_path):
    """Kubelets swap the file while we run."""
    path = tmp_path / "token"
    token = login._file_token(path)
    with pytest.raises(Transient):
        token()
    path.write_text("first\n")
    first = token()
    path.write_text("second")
    os.utime(path, ns=(1, 1))
    second = token()
    path.unlink()

    assert (first, second, token()) == ("first", "second", "second")

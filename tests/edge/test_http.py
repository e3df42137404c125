"""What an HTTP status means, in one place."""

import pytest

from sealwright.core.errors import Permanent, Reason, Transient
from sealwright.edge import http


@pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 500, 502, 503, 504, 507, 599])
def test_waiting_may_mend_it(status):
    """Overload, outages, and rights that are still to be bound or tokens to be renewed."""
    found = http.fault(status, b"", {}, "GET /x")

    assert isinstance(found, Transient)
    assert found.reason is Reason.UNAVAILABLE


@pytest.mark.parametrize("status", [301, 400, 404, 405, 409, 410, 413, 415, 422])
def test_waiting_does_not_mend_it(status):
    """The same call would be refused again; 404 has a word of its own."""
    found = http.fault(status, b"", {}, "GET /x")

    assert isinstance(found, Permanent)
    assert (found.reason is Reason.NOT_FOUND) == (status == 404)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("7", 7.0), ("0", 0.0), ("99999", 3600.0), ("9" * 400, None), ("-1", None), ("soon", None), ("", None), ("²", None)],
)
def test_a_wish_to_wait_is_followed_up_to_an_hour(text, wanted):
    """In seconds; a date, or what is no number, is no wish."""
    assert http.fault(429, b"", {"Retry-After": text}, "w").after_s == wanted


@pytest.mark.parametrize("body", [b'{"message":"no such thing"}', b"no such thing"])
def test_the_servers_words_are_told(body):
    """With where it was and the status, for a person to act on."""
    message = http.fault(500, body, {}, "PATCH /a/b").message

    assert message.startswith("PATCH /a/b: the server answered 500: ")
    assert "no such thing" in message


@pytest.mark.parametrize(
    "body", [b"\xff\x00" * 1000, b"[" * 100_000, b'{"message":7}', b'"\x1b[31m"', b"{}", b'{"message":"' + b"x" * 9000 + b'"}']
)
def test_no_answer_is_too_strange(body):
    """What is told stays short and printable."""
    message = http.fault(502, body, {}, "w").message

    assert len(message) < 2000
    assert message.isprintable()

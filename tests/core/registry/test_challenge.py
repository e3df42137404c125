"""What registries ask of who comes, and what token services give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.errors import Permanent
from sealwright.core.registry import challenge as reading
from sealwright.core.registry.challenge import Challenge, challenge

BEARER = Challenge(scheme="bearer", realm="https://auth.test/token", service="registry.test")


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (['Bearer realm="https://auth.test/token",service="registry.test",scope="repository:x:pull"'], BEARER),
        (['Bearer service="registry.test", realm="https://auth.test/token"'], BEARER),
        (["bearer realm=https://auth.test/token,service=registry.test"], BEARER),
        (['BEARER REALM="https://auth.test/token" , SERVICE="registry.test"'], BEARER),
        (['Basic realm="r", Bearer realm="https://auth.test/token",service="registry.test"'], BEARER),
        (['Basic realm="r"', 'Bearer realm="https://auth.test/token",service="registry.test"'], BEARER),
        (['Bearer realm="https://auth.test/token",realm="https://evil.test",service="registry.test"'], BEARER),
        (['Basic realm="a \\"quoted\\" one"'], Challenge(scheme="basic", realm='a "quoted" one')),
        (["Basic"], Challenge(scheme="basic")),
        (["Bearer"], None),
        (["Negotiate"], None),
        ([], None),
        (["", ",,,", '="'], None),
    ],
)
def test_challenges_are_read_as_registries_write_them(headers, found):
    """Bearer goes before Basic; of a parameter that comes twice, the first counts."""
    assert challenge(headers) == found


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_header_breaks_the_reader(headers):
    """It finds something or nothing."""
    assert challenge(headers) is None or challenge(headers).scheme in ("basic", "bearer")


def test_long_headers_are_cut():
    """Nothing in them takes more than linear time."""
    assert challenge(["Bearer " + 'a="' * 100_000]) is None
    assert challenge([", " * 100_000 + 'Basic realm="x"']) is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"token": "t"}', ("t", 60)),
        (b'{"access_token": "t", "expires_in": 300}', ("t", 300)),
        (b'{"token": "t", "access_token": "u", "expires_in": 31536000}', ("t", 3600)),
        (b'{"token": "t", "expires_in": -5}', ("t", 60)),
        (b'{"token": "t", "expires_in": null, "issued_at": "never"}', ("t", 60)),
    ],
)
def test_tokens_are_good_for_as_long_as_the_service_says(body, found):
    """A minute where it does not, an hour where it says more."""
    assert reading.token(body, "x") == found


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"token": ""}', b'{"token": "a\\r\\nX: y"}', b'{"token": "\\u00e9"}', b"\xff", b"[" * 9999]
)
def test_answers_without_a_usable_token_are_refused(body):
    """A token stands in a header: no line may end in it."""
    with pytest.raises(Permanent):
        reading.token(body, "x")

"""The store `oci` against registries that fail, lie and hang: F38 of the fault matrix, and T17 to T23 of the threats."""

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from fakes.attestations import DIGEST, ORIGIN, image_signature, sought, statement
from fakes.clock import EagerClock
from fakes.registry import MemoryRegistry, error

from sealwright.core import oci
from sealwright.core.config import Secret
from sealwright.core.errors import Fault, Permanent, Reason, Transient, Untrusted
from sealwright.core.registry.logins import Login
from sealwright.edge.clock import SystemClock
from sealwright.edge.registry.access import Access
from sealwright.edge.registry.logins import NoLogins
from sealwright.edge.registry.reach import Reach
from sealwright.edge.registry.store import RegistryStore, open_registries
from sealwright.edge.registry.tags import TagWriter
from sealwright.edge.registry.transport import Transport

ATT, SIG = oci.attestation_tag(DIGEST), oci.signature_tag(DIGEST)
CANARY = "canary-password"


class OneLogin:
    """For every host; a real one chooses by the host."""

    def __init__(self, **fields):
        self.login = Login(registry="x", source="Secret ns/login", **fields)
        self.asked = []
        self.forgotten = []

    async def find(self, owner, registry, _repository):
        self.asked.append((owner.namespace, owner.service_account, registry))
        return self.login

    def forget(self, owner):
        self.forgotten.append(owner)


PASSWORD = {"username": "u", "password": Secret(text=CANARY)}


@asynccontextmanager
async def store(logins=None, clock=None, **settings):
    settings = {"allowed-hosts": "127.0.0.1"} | {name.replace("_", "-"): value for name, value in settings.items()}
    async with open_registries(settings, logins or NoLogins(), clock or EagerClock(), lambda: 0.0, strict=False) as opened:
        yield opened


async def put(registry, logins=None, attestation=None, clock=None):
    """One attestation of one image, or the fault."""
    async with store(logins, clock) as opened:
        return await opened.put(attestation or statement(f"{registry.authority}/team/app"), ORIGIN)


@pytest.fixture
async def registry():
    twin = MemoryRegistry()
    async with twin.serve():
        yield twin


def only(method, part, *answers):
    """These answers, once each, for this kind of call; after them the registry itself."""
    left = list(answers)

    def fault(request):
        return left.pop(0)() if left and request.method == method and part in request.path else None

    return fault


def always(method, part, answer):
    return lambda request: answer() if request.method == method and part in request.path else None


# --- logins ---


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_a_registry_that_wants_a_login_gets_that_of_the_run(kind):
    """Basic and Bearer; asked for once, and kept."""
    twin = MemoryRegistry(**{kind: ("u", CANARY)})
    logins = OneLogin(**PASSWORD)
    async with twin.serve() as authority, store(logins) as opened:
        for number in range(5):
            await opened.put(statement(f"{authority}/team/app", number=number), ORIGIN)

    assert len(twin.layers("team/app", ATT)) == 5
    assert twin.calls["GET", "ping"] == 1
    assert twin.calls["GET", "token"] == (kind == "bearer")
    assert logins.asked[0] == ("ns", "builder", authority)


async def test_an_identity_token_is_exchanged():
    """As cloud registries give them out."""
    twin = MemoryRegistry(bearer=("u", "refresh"))
    async with twin.serve():
        await put(twin, OneLogin(identity_token=Secret(text="refresh")))

    assert twin.calls["POST", "token"] == 1


async def test_a_registry_token_is_sent_as_it_is():
    twin = MemoryRegistry(bearer=("u", "p"))
    twin.tokens.add("ready")
    async with twin.serve():
        await put(twin, OneLogin(registry_token=Secret(text="ready")))

    assert twin.calls["GET", "token"] == 0


async def test_a_token_that_has_expired_is_fetched_again():
    """Before it ends, by what the service said; and where the registry forgot it."""
    twin = MemoryRegistry(bearer=("u", CANARY))
    clock = EagerClock()
    async with twin.serve() as authority, store(OneLogin(**PASSWORD), clock) as opened:
        await opened.put(statement(f"{authority}/team/app"), ORIGIN)
        twin.tokens.clear()
        await opened.put(statement(f"{authority}/team/app", number=1), ORIGIN)
        clock.pass_by(296)
        await opened.put(statement(f"{authority}/team/app", number=2), ORIGIN)

    assert len(twin.layers("team/app", ATT)) == 3
    assert twin.calls["GET", "token"] == 3


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_a_wrong_password_says_whose_it_is_and_is_tried_again_later(kind):
    """A person mends it; neither the password nor its name is told."""
    twin = MemoryRegistry(**{kind: ("u", "right")})
    async with twin.serve():
        with pytest.raises(Transient) as raised:
            await put(twin, OneLogin(**PASSWORD))

    assert raised.value.reason is Reason.LOGIN_REFUSED
    assert "Secret ns/login of ServiceAccount ns/builder" in raised.value.message
    assert CANARY not in raised.value.message


async def test_no_login_says_what_to_do():
    """Where the registry wants Basic."""
    twin = MemoryRegistry(basic=("u", "p"))
    async with twin.serve():
        with pytest.raises(Transient, match="ServiceAccount ns/builder has none for it: add a Secret") as raised:
            await put(twin)

    assert raised.value.reason is Reason.LOGIN_REFUSED


async def test_a_right_that_is_missing_is_told_as_one(registry):
    """403, and the login was good."""
    registry.fault = always("PUT", "/manifests/", lambda: error(403, "DENIED"))
    with pytest.raises(Transient, match=r"answered 403 to no login .*DENIED.*right to push to 'team/app'") as raised:
        await put(registry)

    assert raised.value.reason is Reason.LOGIN_REFUSED


async def test_logins_are_sent_to_no_other_host(monkeypatch):
    """Whatever a registry says: realm, redirect, Location; a second listener sees nothing of them (T19).

    The addresses are let through here: it is not they that keep the login.
    """
    monkeypatch.setattr("sealwright.core.registry.address.denied", lambda _address, **_: "")
    thief = MemoryRegistry(bearer=("u", CANARY))
    async with thief.serve("127.0.0.2") as elsewhere:
        scripts = {
            "realm": (MemoryRegistry(bearer=("u", CANARY)), {"realm": f"http://{elsewhere}/token"}),
            "user in the realm": (MemoryRegistry(bearer=("u", CANARY)), {"realm": f"http://127.0.0.1@{elsewhere}/token"}),
            "manifests": (MemoryRegistry(basic=("u", CANARY)), {"fault": redirecting("/manifests/", elsewhere)}),
            "the first call": (MemoryRegistry(basic=("u", CANARY)), {"fault": redirecting("", elsewhere)}),
            "the token": (MemoryRegistry(bearer=("u", CANARY)), {"fault": redirecting("/token", elsewhere)}),
            "Location": (MemoryRegistry(basic=("u", CANARY)), {"fault": locating(f"http://{elsewhere}/v2/x/blobs/uploads/1")}),
            "Location without scheme": (
                MemoryRegistry(basic=("u", CANARY)),
                {"fault": locating(f"//{elsewhere}/v2/x/blobs/uploads/1")},
            ),
        }
        outcomes = {}
        for what, (twin, script) in scripts.items():
            for name, value in script.items():
                setattr(twin, name, value)
            async with twin.serve(), store(OneLogin(**PASSWORD), allowed_hosts="") as opened:
                outcomes[what] = await fault_of(opened, f"{twin.authority}/team/app")

    assert all(outcomes.values()), outcomes
    assert set(thief.authorizations) <= {""}


async def fault_of(opened, name):
    """What one attestation of this image ends in; None where it is stored."""
    try:
        await opened.put(statement(name), ORIGIN)
    except Fault as fault:
        return fault.reason
    return None


def redirecting(part, elsewhere):
    def fault(request):
        return (
            web.Response(status=307, headers={"Location": f"http://{elsewhere}{request.path_qs}"})
            if part in request.path
            else None
        )

    return fault


def locating(url):
    return always("POST", "/uploads/", lambda: web.Response(status=202, headers={"Location": url}))


async def test_another_realm_is_trusted_where_the_operator_says_so():
    """storage.oci.allowed-hosts."""
    service = MemoryRegistry(bearer=("u", CANARY))
    twin = MemoryRegistry(bearer=("u", CANARY))
    twin.tokens = service.tokens
    async with service.serve("127.0.0.2") as elsewhere, twin.serve() as authority:
        twin.realm = f"http://{elsewhere}/token"
        async with store(OneLogin(**PASSWORD), allowed_hosts=f"{authority}, {elsewhere}") as opened:
            await opened.put(statement(f"{authority}/team/app"), ORIGIN)

    assert len(twin.layers("team/app", ATT)) == 1


# --- addresses ---


async def test_no_spelling_of_loopback_is_spoken_to():
    """Names, numbers, IPv4 in IPv6: no byte reaches the listener (T18)."""
    canary = MemoryRegistry()
    async with canary.serve("127.0.0.1") as authority:
        port = authority.rpartition(":")[2]
        hosts = [
            "127.0.0.1",
            "localhost",
            "127.1.1.1",
            "[::ffff:127.0.0.1]",
            "127.1:",
            "0.0.0.0",
            "[::1]",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
        ]
        async with store(allowed_hosts="") as opened:
            found = {host: await fault_of(opened, f"{host.rstrip(':')}:{port}/team/app") for host in hosts}

    assert set(found.values()) <= {Reason.ADDRESS_DENIED, Reason.UNAVAILABLE, Reason.INVALID_INPUT}, found
    assert canary.calls.total() == 0


async def test_a_redirect_leads_nowhere_else(registry):
    """The host of the registry is allowed, that of the redirect is not."""
    async with MemoryRegistry().serve("127.0.0.2") as elsewhere:
        registry.fault = redirecting("/manifests/", elsewhere)
        with pytest.raises(Fault) as raised:
            async with store(allowed_hosts=registry.authority) as opened:
                await opened.put(statement(f"{registry.authority}/team/app"), ORIGIN)

    assert raised.value.reason in (Reason.ADDRESS_DENIED, Reason.INVALID_INPUT, Reason.STORE_FAILED)


# --- what registries answer ---


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, Permanent, Reason.STORE_FAILED),
        (404, Permanent, Reason.NOT_FOUND),
        (405, Permanent, Reason.STORE_FAILED),
        (409, Permanent, Reason.STORE_FAILED),
        (413, Permanent, Reason.TOO_LARGE),
        (429, Transient, Reason.UNAVAILABLE),
        (500, Transient, Reason.UNAVAILABLE),
        (503, Transient, Reason.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("place", [("PUT", "/manifests/"), ("POST", "/uploads/")])
async def test_each_refusal_has_its_word_and_the_registrys_own(registry, place, status, kind, reason):
    """A tag that may not be written again, a repository that is not there, a body that is too large."""
    registry.fault = always(*place, lambda: error(status, "TOLD"))
    with pytest.raises(kind) as raised:
        await put(registry)

    assert raised.value.reason is reason
    assert str(status) in raised.value.message or status == 413


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("1000000", 3600.0), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("-1", None), ("x", None)]
)
async def test_a_registrys_wish_to_wait_is_followed(registry, text, seconds):
    """In seconds, up to an hour."""
    registry.fault = always("GET", "/manifests/", lambda: error(429, "SLOW", {"Retry-After": text}))
    with pytest.raises(Transient) as raised:
        await put(registry)

    assert raised.value.after_s == seconds


async def test_a_manifest_that_is_acknowledged_but_not_kept_is_noticed(registry):
    """No receipt for what cannot be read back."""
    registry.fault = always("PUT", "/manifests/", lambda: web.Response(status=201))
    with pytest.raises(Transient, match="not there afterwards"):
        await put(registry)


async def test_a_manifest_that_comes_late_is_waited_for(registry):
    """The first write is lost, the second stays."""
    registry.fault = only("PUT", "/manifests/", lambda: web.Response(status=201))

    assert await put(registry)
    assert len(registry.layers("team/app", ATT)) == 1


async def test_a_wrong_digest_of_what_was_kept_is_no_receipt(registry):
    """The registry says that it kept something else."""
    wrong = {"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    registry.fault = always("PUT", "/manifests/", lambda: web.Response(status=201, headers=wrong))
    with pytest.raises(Transient, match="kept 'sha256:0000"):
        await put(registry)


async def test_a_wrong_digest_of_what_is_there_is_not_built_upon(registry):
    """Its header and its bytes disagree."""
    await put(registry)
    body = registry.manifests["team/app", ATT][1]
    headers = {"Docker-Content-Digest": f"sha256:{'0' * 64}", "Content-Type": oci.MANIFEST_TYPE}
    registry.fault = always("GET", "/manifests/", lambda: web.Response(body=body, headers=headers))
    with pytest.raises(Untrusted) as raised:
        await put(registry, attestation=statement(f"{registry.authority}/team/app", number=2))

    assert raised.value.reason is Reason.WRONG_DIGEST


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"[" * 100_000,
        b'{"schemaVersion": 2, "manifests": []}',
        json.dumps({"schemaVersion": 2, "mediaType": oci.MANIFEST_TYPE, "config": {}, "layers": [], "manifests": []}).encode(),
        json.dumps({"schemaVersion": 2, "mediaType": "application/other", "config": {}, "layers": []}).encode(),
        json.dumps({"schemaVersion": 2, "config": {"mediaType": "x", "size": 1, "digest": "../x"}, "layers": []}).encode(),
    ],
)
async def test_what_is_no_manifest_is_not_overwritten(registry, body):
    """Somebody put something else under the tag: it is said, and it stays. Image and index at once is neither (CVE-2021-41190)."""
    registry.manifests["team/app", ATT] = oci.MANIFEST_TYPE, body
    with pytest.raises(Permanent) as raised:
        await put(registry)

    assert raised.value.reason is Reason.INVALID_INPUT
    assert registry.manifests["team/app", ATT][1] == body


async def test_what_others_put_under_the_tag_stays_to_the_byte(registry):
    """Descriptors with members that we do not know, annotations, a thousand layers (T23)."""
    foreign = [
        {"mediaType": "application/x", "size": 1, "digest": f"sha256:{n:064x}", "urls": ["https://x"], "platform": {"os": "x"}}
        for n in range(1000)
    ]
    config = {"mediaType": oci.CONFIG_TYPE, "size": 2, "digest": oci.digest_of(b"{}")}
    manifest = {"schemaVersion": 2, "config": config, "layers": foreign, "annotations": {"a": "b"}, "future": {"x": 1}}
    registry.manifests["team/app", ATT] = oci.MANIFEST_TYPE, json.dumps(manifest).encode()
    registry.blobs |= {("team/app", each["digest"]): b"" for each in foreign}
    await put(registry)
    kept = json.loads(registry.manifests["team/app", ATT][1])

    assert kept["layers"][:1000] == foreign
    assert len(kept["layers"]) == 1001
    assert {name: kept[name] for name in ("annotations", "future")} == {"annotations": {"a": "b"}, "future": {"x": 1}}


async def test_endless_answers_are_cut_off(registry):
    """Manifest, error, token: no more is read than has its use."""

    async def endless(request):
        answer = web.StreamResponse(headers={"Content-Type": oci.MANIFEST_TYPE})
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await answer.write(b"x" * 65536)
        return answer

    registry.fault = lambda request: endless(request) if "/manifests/" in request.path else None
    with pytest.raises(Permanent) as raised:
        await put(registry)

    assert raised.value.reason is Reason.TOO_LARGE


async def test_redirects_in_a_circle_end(registry):
    registry.fault = lambda request: (
        web.Response(status=307, headers={"Location": request.path_qs}) if "/manifests/" in request.path else None
    )
    with pytest.raises(Permanent, match="redirected more than 3 times"):
        await put(registry)


async def test_blobs_of_the_wrong_bytes_are_not_believed(registry):
    """Reading is verified too, and a descriptor cannot ask for more than it says."""
    name = f"{registry.authority}/team/app"
    await put(registry, attestation=image_signature(name))
    (digest,) = [digest for (_, digest), body in registry.blobs.items() if b"critical" in body]
    registry.blobs["team/app", digest] += b" "
    with pytest.raises(Permanent) as raised:
        async with store() as opened:
            await opened.find(sought(name), ORIGIN)

    assert raised.value.reason in (Reason.TOO_LARGE, Reason.WRONG_DIGEST)


# --- dead and slow hosts ---


async def test_a_host_that_never_answers_is_asked_once_and_then_left_alone():
    """Others who come meanwhile are told at once; after the pause one asks again."""
    clock = EagerClock()
    taken = asyncio.Event()
    connections = []

    async def swallow(reader, writer):
        connections.append(writer)
        await taken.wait()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    name = f"127.0.0.1:{server.sockets[0].getsockname()[1]}/team/app"
    reach = Reach(vouched=frozenset({"127.0.0.1"}))
    async with server, Transport(reach, clock, call_s=0.1) as transport:
        opened = RegistryStore(transport, Access(transport, NoLogins(), clock), TagWriter(clock, lambda: 0.0), None)
        for _ in range(3):
            with pytest.raises(Transient) as raised:
                await opened.put(statement(name), ORIGIN)
        asked = len(connections)
        clock.pass_by(5)
        with pytest.raises(Transient):
            await opened.put(statement(name), ORIGIN)
        taken.set()

    assert asked == 2  # with TLS, and without
    assert len(connections) == 4
    assert "is not asked for another" in raised.value.message
    assert 0 < raised.value.after_s <= 1


async def test_refused_connections_are_waited_for():
    """Nobody listens."""
    async with MemoryRegistry().serve() as authority:
        pass
    async with store() as opened:
        with pytest.raises(Transient) as raised:
            await opened.put(statement(f"{authority}/team/app"), ORIGIN)

    assert raised.value.reason is Reason.UNAVAILABLE


async def test_one_bad_registry_among_several_stops_no_other(registry):
    """Its fault is raised when the others are done."""
    async with MemoryRegistry().serve() as gone:
        pass
    names = [f"{gone}/team/app", f"{registry.authority}/team/app", f"{registry.authority}/team/other"]
    with pytest.raises(Transient):
        await put(registry, attestation=statement(*names))

    assert len(registry.layers("team/app", ATT)) == len(registry.layers("team/other", ATT)) == 1


# --- several writers ---


async def test_what_another_writer_overwrote_is_added_again(registry):
    """He read before we wrote, and wrote after: our look afterwards finds it missing."""
    name = f"{registry.authority}/team/app"
    await put(registry, attestation=statement(name, number=1))
    before = registry.manifests["team/app", ATT]
    overwritten = []

    def overwrite(request):
        if (
            request.method == "GET"
            and "/manifests/" in request.path
            and not overwritten
            and len(registry.layers("team/app", ATT)) == 2
        ):
            overwritten.append(registry.manifests["team/app", ATT])
            registry.manifests["team/app", ATT] = before

    registry.fault = overwrite
    await put(registry, attestation=statement(name, number=2))

    assert overwritten
    assert len(registry.layers("team/app", ATT)) == 2


async def test_a_tag_that_changed_since_it_was_read_is_read_again():
    """Where a registry looks at If-Match."""
    twin = MemoryRegistry(compares=True)
    async with twin.serve() as authority:
        name = f"{authority}/team/app"
        await put(twin, attestation=statement(name, number=1))
        first = twin.manifests["team/app", ATT]
        await put(twin, attestation=statement(name, number=2))
        second = twin.manifests["team/app", ATT]
        twin.manifests["team/app", ATT] = first
        twin.fault = only("PUT", "/manifests/", lambda: twin.manifests.update({("team/app", ATT): second}))
        await put(twin, attestation=statement(name, number=3))

    assert len(twin.layers("team/app", ATT)) == 3


async def test_two_stores_that_write_at_once_lose_nothing(registry):
    """As two replicas do."""
    name = f"{registry.authority}/team/app"
    numbers = range(20)
    async with store(clock=SystemClock()) as one, store(clock=SystemClock()) as other:
        stories = [(one, other)[number % 2].put(statement(name, number=number), ORIGIN) for number in numbers]
        await asyncio.gather(*stories)

    assert len(registry.layers("team/app", ATT)) == 20


async def test_whoever_is_cancelled_takes_nobody_along(registry):
    """Also the one who writes for the others."""
    name = f"{registry.authority}/team/app"
    async with store() as opened:
        tasks = [asyncio.create_task(opened.put(statement(name, number=number), ORIGIN)) for number in range(5)]
        while not registry.calls["GET", "manifest"]:  # noqa: ASYNC110  until the first of them has begun
            await asyncio.sleep(0)
        tasks[0].cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(each, asyncio.CancelledError) for each in ended] == [True, False, False, False, False]
    assert len(registry.layers("team/app", ATT)) >= 4


NO_REPOSITORIES = [
    "x",
    "https://registry.test/x",
    "registry.test/X",
    "a b/c",
    "registry.test/app@sha256:00",
    "registry.test/a//b",
]


@pytest.mark.parametrize("text", NO_REPOSITORIES)
async def test_a_repository_that_is_none_is_refused_at_opening(text):
    """storage.oci.repository."""
    with pytest.raises(Permanent, match=r"storage\.oci\.repository") as raised:
        async with store(repository=text):
            pass

    assert raised.value.reason is Reason.INVALID_CONFIG


async def test_certificates_that_cannot_be_read_are_told_at_opening(tmp_path):
    """storage.oci.ca-file."""
    (tmp_path / "ca.pem").write_text("nothing")
    for path in (tmp_path / "ca.pem", tmp_path / "absent.pem"):
        with pytest.raises(Permanent, match=r"storage\.oci\.ca-file") as raised:
            async with store(ca_file=str(path)):
                pass
        assert raised.value.reason is Reason.INVALID_CONFIG

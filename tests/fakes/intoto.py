"""Supply chains as in-toto keeps them: a layout and links, signed by in-toto's own library, whole or harmed in one way.

`PRODUCTS` are the 200 and more cases: each kind of harm in both wrappings and with two kinds of key. The words of a case say
what was done; whether it is still a yes is for in-toto-python to say.
"""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fakes import signers
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner

Json = dict[str, Any]
STEPS = ("fetch", "compile", "pack")
A, B, C = ({"sha256": digit * 64} for digit in "abc")
TYPE = "application/vnd.in-toto+json"


def signer(algorithm: str, number: int) -> CryptoSigner:
    return CryptoSigner(signers.key(algorithm, number).material)


def key_dict(found: CryptoSigner) -> Json:
    """A key as layouts hold it."""
    return found.public_key.to_dict() | {"keyid": found.public_key.keyid}


def pem(found: CryptoSigner) -> bytes:
    key: Any = found._private_key.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def rule(line: str) -> list[str]:
    return line.split()


@dataclass
class Product:
    """What is to be verified. Harm it before it is signed (`layout`, `links`) or after (`harms`)."""

    algorithm: str = "ecdsa-p256"
    wrap: str = "envelope"
    expires: str = "2099-01-01T00:00:00Z"
    parameters: dict[str, str] | None = None
    harms: list[Callable[[dict[str, Json]], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner, self.alice, self.bob, self.mallory = (signer(self.algorithm, number) for number in range(21, 25))
        self.layout_by = [self.owner]
        self.given = [self.owner]
        self.layout: Json = {
            "_type": "layout",
            "expires": self.expires,
            "readme": "",
            "keys": {each.public_key.keyid: key_dict(each) for each in (self.alice, self.bob)},
            "inspect": [],
            "steps": [
                self.step("fetch", products=["CREATE src/*", "DISALLOW *"]),
                self.step(
                    "compile",
                    materials=["MATCH src/* WITH PRODUCTS FROM fetch", "DISALLOW *"],
                    products=["CREATE out/app", "ALLOW src/*", "DISALLOW *"],
                ),
                self.step(
                    "pack",
                    materials=["MATCH app WITH PRODUCTS IN out FROM compile", "DISALLOW *"],
                    products=["REQUIRE app.tar", "MATCH app WITH MATERIALS FROM pack", "CREATE app.tar", "DISALLOW *"],
                ),
            ],
        }
        self.links: dict[tuple[str, str], Json] = {
            ("fetch", "alice"): link("fetch", {}, {"src/a": A, "src/b": B}),
            ("compile", "alice"): link("compile", {"src/a": A, "src/b": B}, {"src/a": A, "src/b": B, "out/app": C}),
            ("pack", "alice"): link("pack", {"app": C}, {"app": C, "app.tar": A}),
        }
        self.folders: dict[str, Product] = {}

    def step(self, name: str, materials: list[str] | None = None, products: list[str] | None = None) -> Json:
        return {
            "_type": "step",
            "name": name,
            "expected_materials": [rule(line) for line in materials or []],
            "expected_products": [rule(line) for line in products or []],
            "pubkeys": [self.alice.public_key.keyid],
            "expected_command": [],
            "threshold": 1,
        }

    def by(self, name: str) -> CryptoSigner:
        found: CryptoSigner = getattr(self, name)
        return found

    def the_step(self, name: str) -> Json:
        found: Json = next(step for step in self.layout["steps"] if step["name"] == name)
        return found

    # --- as files ---------------------------------------------------------------------------------------------------------

    def signed_layout(self) -> Json:
        return self.sign(self.layout, *self.layout_by)

    def files(self) -> dict[str, Json]:
        """Links by path, after every harm."""
        found = {file_name(step, self.by(who)): self.sign(payload, self.by(who)) for (step, who), payload in self.links.items()}
        for folder, inner in self.folders.items():
            found |= {f"{folder}/{name}": each for name, each in inner.files().items()}
        for harm in self.harms:
            harm(found)
        return found

    def sign(self, payload: Json, *by: CryptoSigner) -> Json:
        if self.wrap == "block":
            message = encode_canonical(payload).encode()
            return {"signed": copy.deepcopy(payload), "signatures": [each.sign(message).to_dict() for each in by]}
        body = json.dumps(payload).encode()
        message = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(body), body)
        pairs = [(each.public_key.keyid, bytes.fromhex(each.sign(message).signature)) for each in by]
        return {
            "payload": base64.b64encode(body).decode(),
            "payloadType": TYPE,
            "signatures": [{"keyid": key_id, "sig": base64.b64encode(raw).decode()} for key_id, raw in pairs],
        }


def link(name: str, materials: Json, products: Json) -> Json:
    kept = {"byproducts": {"return-value": 0}, "command": [], "environment": {}}
    return {"_type": "link", "name": name, "materials": materials, "products": products} | kept


def file_name(step: str, by: CryptoSigner) -> str:
    return f"{step}.{by.public_key.keyid[:8]}.link"


# --- harms --------------------------------------------------------------------------------------------------------------

Harm = Callable[[Product], None]
HARMS: dict[str, Harm] = {}


def harm(words: str) -> Callable[[Harm], Harm]:
    def keep(found: Harm) -> Harm:
        HARMS[words] = found
        return found

    return keep


@harm("nothing")
def _(_found: Product) -> None:
    pass


@harm("it expired")
def _(found: Product) -> None:
    found.layout["expires"] = "2020-01-01T00:00:00Z"


@harm("it expires on a day that is none")
def _(found: Product) -> None:
    found.layout["expires"] = "2099-13-45T00:00:00Z"


@harm("the layout is signed by a stranger")
def _(found: Product) -> None:
    found.layout_by = [found.mallory]


@harm("the layout is signed by nobody")
def _(found: Product) -> None:
    found.layout_by = []


@harm("two keys are given and one has signed")
def _(found: Product) -> None:
    found.given = [found.owner, found.mallory]


@harm("two keys are given and both have signed")
def _(found: Product) -> None:
    found.given = found.layout_by = [found.owner, found.mallory]


@harm("a stranger has signed the layout too")
def _(found: Product) -> None:
    found.layout_by = [found.mallory, found.owner]


@harm("a link is missing")
def _(found: Product) -> None:
    del found.links["compile", "alice"]


@harm("a link is filed under the wrong key")
def _(found: Product) -> None:
    found.links["compile", "bob"] = found.links.pop(("compile", "alice"))


@harm("a link is signed by a stranger")
def _(found: Product) -> None:
    def swap(files: dict[str, Json]) -> None:
        files[file_name("compile", found.alice)] = found.sign(found.links["compile", "alice"], found.mallory)

    found.harms.append(swap)


@harm("a link is signed by a functionary of another step")
def _(found: Product) -> None:
    def swap(files: dict[str, Json]) -> None:
        files[file_name("compile", found.alice)] = found.sign(found.links["compile", "alice"], found.bob)

    found.harms.append(swap)


@harm("a link was changed after it was signed")
def _(found: Product) -> None:
    def change(files: dict[str, Json]) -> None:
        file = files[file_name("fetch", found.alice)]
        if "signed" in file:
            file["signed"]["products"]["src/a"] = B
        else:
            body = json.loads(base64.b64decode(file["payload"]))
            body["products"]["src/a"] = B
            file["payload"] = base64.b64encode(json.dumps(body).encode()).decode()

    found.harms.append(change)


@harm("a link is no JSON object")
def _(found: Product) -> None:
    found.harms.append(lambda files: files.update({file_name("fetch", found.alice): {"neither": 1}}))


@harm("a link has a digest that is no hex")
def _(found: Product) -> None:
    found.links["fetch", "alice"]["products"]["src/a"] = {"sha256": "xyz"}


@harm("a link is of an unknown type")
def _(found: Product) -> None:
    found.links["fetch", "alice"]["_type"] = "chain"


@harm("there is a link of nobody's step")
def _(found: Product) -> None:
    found.links["strange", "alice"] = link("strange", {}, {})


@harm("there is another link by somebody who need not")
def _(found: Product) -> None:
    found.links["fetch", "bob"] = link("fetch", {}, {"else": A})


@harm("a link calls itself by another step's name")
def _(found: Product) -> None:
    found.links["compile", "alice"]["name"] = "fetch"


@harm("a command failed")
def _(found: Product) -> None:
    found.links["compile", "alice"]["byproducts"]["return-value"] = 1


@harm("another command ran")
def _(found: Product) -> None:
    found.the_step("compile")["expected_command"] = ["make"]


@harm("nothing was produced")
def _(found: Product) -> None:
    found.links["compile", "alice"]["products"] = {}


@harm("nothing was used")
def _(found: Product) -> None:
    found.links["compile", "alice"]["materials"] = {}


@harm("one more was produced")
def _(found: Product) -> None:
    found.links["compile", "alice"]["products"]["out/more"] = A


@harm("one more was used")
def _(found: Product) -> None:
    found.links["compile", "alice"]["materials"]["other"] = A


@harm("what was used is not what was produced")
def _(found: Product) -> None:
    found.links["compile", "alice"]["materials"]["src/a"] = B


@harm("what was used has one more digest")
def _(found: Product) -> None:
    found.links["compile", "alice"]["materials"]["src/a"] = A | {"sha512": "a" * 128}


@harm("a file was not made that is required")
def _(found: Product) -> None:
    found.links["pack", "alice"]["products"] = {"app": C}


@harm("the first step made a file elsewhere")
def _(found: Product) -> None:
    found.links["fetch", "alice"]["products"]["etc/passwd"] = A


def _threshold(found: Product, number: int, *who: str) -> None:
    step = found.the_step("compile")
    step["threshold"] = number
    step["pubkeys"] = [found.alice.public_key.keyid, found.bob.public_key.keyid]
    for name in who:
        found.links["compile", name] = copy.deepcopy(found.links["compile", "alice"])


@harm("two are asked for and two have signed")
def _(found: Product) -> None:
    _threshold(found, 2, "bob")


@harm("two are asked for and one has signed")
def _(found: Product) -> None:
    _threshold(found, 2)


@harm("two are asked for and disagree")
def _(found: Product) -> None:
    _threshold(found, 2, "bob")
    found.links["compile", "bob"]["products"]["out/app"] = A


@harm("one is asked for and two disagree")
def _(found: Product) -> None:
    _threshold(found, 1, "bob")
    found.links["compile", "bob"]["products"]["out/app"] = A


@harm("two are asked for and one signature is broken")
def _(found: Product) -> None:
    _threshold(found, 2, "bob")

    def swap(files: dict[str, Json]) -> None:
        files[file_name("compile", found.bob)] = found.sign(found.links["compile", "bob"], found.mallory)

    found.harms.append(swap)


@harm("two are asked for and one functionary is named twice")
def _(found: Product) -> None:
    _threshold(found, 2)
    found.the_step("compile")["pubkeys"] = [found.alice.public_key.keyid] * 2


@harm("three are asked for of two")
def _(found: Product) -> None:
    _threshold(found, 3, "bob")


@harm("none is asked for and none has signed")
def _(found: Product) -> None:
    _threshold(found, 0)
    del found.links["compile", "alice"]


@harm("none is asked for and one has signed")
def _(found: Product) -> None:
    _threshold(found, 0)


@harm("the functionary's key is not in the layout")
def _(found: Product) -> None:
    del found.layout["keys"][found.alice.public_key.keyid]


@harm("a step has no rules")
def _(found: Product) -> None:
    found.the_step("compile")["expected_materials"] = found.the_step("compile")["expected_products"] = []


@harm("there are no steps")
def _(found: Product) -> None:
    found.layout["steps"] = []


@harm("two steps have one name")
def _(found: Product) -> None:
    found.layout["steps"].append(copy.deepcopy(found.the_step("fetch")))


@harm("a rule is none")
def _(found: Product) -> None:
    found.the_step("fetch")["expected_products"].insert(0, ["FORBID", "*"])


@harm("the threshold is a word")
def _(found: Product) -> None:
    found.the_step("fetch")["threshold"] = "one"


def _rules(words: str, step: str, side: str, *lines: str) -> None:
    @harm(words)
    def _(found: Product) -> None:
        found.the_step(step)[f"expected_{side}"] = [rule(line) for line in lines]


_rules("a file was created that is called modified", "compile", "products", "MODIFY out/app", "DISALLOW out/*")
_rules("a file is called deleted that is there", "compile", "materials", "DELETE src/a", "DISALLOW src/a")
_rules("a match from a step that is none", "compile", "materials", "MATCH * WITH PRODUCTS FROM nowhere", "DISALLOW *")
_rules("a match from itself", "pack", "products", "MATCH * WITH MATERIALS FROM pack", "CREATE *", "DISALLOW *")
_rules("a match in a circle", "fetch", "products", "MATCH src/* WITH MATERIALS FROM compile", "DISALLOW *")
_rules("a class that excludes", "fetch", "products", "ALLOW src/[!b]", "DISALLOW *")
_rules("a class with a caret", "fetch", "products", "ALLOW src/[^b]", "DISALLOW *")
_rules("a star that crosses slashes", "fetch", "products", "ALLOW *a", "ALLOW s**b", "DISALLOW *")
_rules("a path with a dot", "fetch", "products", "ALLOW ./src/*", "DISALLOW *")
_rules("a prefix on both sides", "compile", "materials", "MATCH * IN src WITH PRODUCTS IN src FROM fetch", "DISALLOW *")
_rules("a prefix with a slash", "compile", "materials", "MATCH * IN src/ WITH PRODUCTS IN src/ FROM fetch", "DISALLOW *")
_rules("a prefix on one side", "compile", "materials", "MATCH * IN src WITH PRODUCTS FROM fetch", "DISALLOW *")
_rules("a star is required", "fetch", "products", "REQUIRE src/*", "ALLOW *")
_rules("what was required was explained before", "fetch", "products", "ALLOW src/a", "REQUIRE src/a")
_rules("keywords in small letters", "fetch", "products", "create src/*", "disallow *")


@harm("parameters fill a rule")
def _(found: Product) -> None:
    found.the_step("fetch")["expected_products"] = [rule("ALLOW {dir}/*"), rule("DISALLOW *")]
    found.parameters = {"dir": "src"}


@harm("parameters fill a rule with something else")
def _(found: Product) -> None:
    found.the_step("fetch")["expected_products"] = [rule("ALLOW {dir}/*"), rule("DISALLOW *")]
    found.parameters = {"dir": "lib"}


@harm("a parameter is missing")
def _(found: Product) -> None:
    found.the_step("fetch")["expected_products"] = [rule("ALLOW {dir}/*"), rule("DISALLOW *")]
    found.parameters = {"other": "src"}


@harm("braces stay braces without parameters")
def _(found: Product) -> None:
    found.the_step("fetch")["expected_products"] = [rule("ALLOW {dir}/*"), rule("DISALLOW *")]


@harm("double braces are braces")
def _(found: Product) -> None:
    found.the_step("fetch")["expected_products"] = [rule("ALLOW {{dir}}/*"), rule("ALLOW src/*"), rule("DISALLOW *")]
    found.parameters = {"dir": "src"}


def inside(found: Product) -> Product:
    """The step `compile` as a layout of its own, which alice signs and of which bob does the steps."""
    inner = Product(algorithm=found.algorithm, wrap=found.wrap)
    inner.owner = found.alice
    inner.layout["steps"] = [
        inner.step("read", materials=["ALLOW src/*", "DISALLOW *"]),
        inner.step("link", products=["ALLOW *"]),
    ]
    inner.links = {
        ("read", "alice"): link("read", {"src/a": A, "src/b": B}, {}),
        ("link", "alice"): link("link", {}, {"src/a": A, "src/b": B, "out/app": C}),
    }
    found.links["compile", "alice"] = inner.layout
    found.folders[f"compile.{found.alice.public_key.keyid[:8]}"] = inner
    return inner


@harm("a step is a layout of its own")
def _(found: Product) -> None:
    inside(found)


@harm("a layout inside has expired")
def _(found: Product) -> None:
    inside(found).layout["expires"] = "2020-01-01T00:00:00Z"


@harm("a layout inside lacks a link")
def _(found: Product) -> None:
    del inside(found).links["link", "alice"]


@harm("a layout inside breaks a rule of its own")
def _(found: Product) -> None:
    inside(found).links["read", "alice"]["materials"]["etc/passwd"] = A


@harm("what a layout inside sums up breaks a rule outside")
def _(found: Product) -> None:
    inside(found).links["link", "alice"]["products"]["out/more"] = A


@harm("a layout inside is signed by a stranger")
def _(found: Product) -> None:
    inner = inside(found)
    name = file_name("compile", found.alice)
    found.harms.append(lambda files: files.update({name: found.sign(inner.layout, found.mallory)}))


def products() -> Iterator[tuple[str, Product]]:
    """Every case with the words that name it."""
    for words, harmed in HARMS.items():
        for wrap in ("envelope", "block"):
            for algorithm in ("ecdsa-p256", "ed25519"):
                found = Product(algorithm=algorithm, wrap=wrap)
                harmed(found)
                yield f"{words} ({wrap}, {algorithm})", found
    for algorithm in ("ecdsa-p384", "ecdsa-p521", "rsa-2048"):
        for wrap in ("envelope", "block"):
            yield f"nothing ({wrap}, {algorithm})", Product(algorithm=algorithm, wrap=wrap)

"""Every key of the ConfigMap `chains-config`, once: parsing, `config check`, documentation and tests derive from it.

Keys, words and defaults are those of Tekton Chains, so that its ConfigMap means the same here; the few keys with `own`
are Sealwright's. A row with a `room` takes its words from the plug-in files that exist in this build (design D1); what
stands in its `words` is then what Chains knows there.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sealwright.core.config.values import NO_SIGNER
from sealwright.core.model import value

# word: exactly one of the words. stores: a comma list of words, empty to disable. names: a comma list of anything.
# text: taken as it stands. switch: Go's ParseBool. log: `true`, `manual`, anything else is off.
# seconds: a whole number of them. keys: lines of a namespace, or the beginning of one and `*`, and a key.
Kind: TypeAlias = Literal["word", "stores", "names", "text", "switch", "log", "keys", "seconds"]
Room: TypeAlias = Literal["", "format", "image format", "store", "signer"]


@value
class Setting:
    """One key. `default` is written as a ConfigMap would write it; `effect` is one sentence for a person.

    `advised`: words that are known to work, where any text is taken. `safer`: the value is a secret and is never shown;
    this names the key that keeps it out of the ConfigMap.
    """

    name: str
    kind: Kind
    effect: str
    default: str = ""
    words: tuple[str, ...] = ()
    room: Room = ""
    advised: tuple[str, ...] = ()
    safer: str = ""
    own: bool = False


_FORMATS = ("in-toto", "slsa/v1", "slsa/v2alpha3", "slsa/v2alpha4")
_IMAGE_FORMATS = ("simplesigning",)
# What takes the place of an image format in a bundle; no configuration names it.
_BUNDLE_FORMATS = ("cosign/sign/v1",)
_SIGNERS = ("x509", "kms", NO_SIGNER)
_STORES = ("archivista", "docdb", "gcs", "grafeas", "oci", "tekton")
_STORES_AND_KAFKA = (*_STORES, "kafka")

# Every word that Chains has for a store; `pubsub` is what its code calls the one that its configuration calls `kafka`.
CHAINS_STORES = frozenset((*_STORES_AND_KAFKA, "pubsub"))
# Formats that Chains had until May 2024.
RETIRED_FORMATS = frozenset(("tekton", "tekton-provenance", "slsa/v2alpha1", "slsa/v2alpha2"))
# Two names of one thing -> the one that `Config` uses.
SYNONYMS = {"slsa/v1": "in-toto", "kafka": "pubsub"}

_PROVIDERS = (
    "google-workload-identity",
    "google-impersonate",
    "github-actions",
    "buildkite-agent",
    "envvar",
    "filesystem",
    "filesystem-custom-path",
    "spiffe",
)
_BUILD_TYPES = ("https://tekton.dev/chains/v2/slsa", "https://tekton.dev/chains/v2/slsa-tekton")


def allowed_words(setting: Setting, *, formats: Sequence[str], stores: Sequence[str], signers: Sequence[str]) -> tuple[str, ...]:
    """The words that this build takes for a setting, in alphabetical order; () where any text is taken."""
    match setting.room:
        case "format":
            words = set(formats) - {*_IMAGE_FORMATS, *_BUNDLE_FORMATS}
        case "image format":
            words = set(formats) & set(_IMAGE_FORMATS)
        case "store":
            words = set(stores)
        case "signer":
            words = {*signers, NO_SIGNER}
        case _:
            words = set(setting.words)
    return tuple(sorted(words))


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="artifacts.taskrun.format",
        kind="word",
        room="format",
        words=_FORMATS,
        default="in-toto",
        effect="Form of the provenance of TaskRuns; slsa/v1 is another name of in-toto.",
    ),
    Setting(
        name="artifacts.taskrun.storage",
        kind="stores",
        room="store",
        words=_STORES_AND_KAFKA,
        default="tekton",
        effect="Where the provenance of TaskRuns is kept; empty: none is made.",
    ),
    Setting(
        name="artifacts.taskrun.signer",
        kind="word",
        room="signer",
        words=_SIGNERS,
        default="x509",
        effect="What signs the provenance of TaskRuns; none: it is neither made nor kept.",
    ),
    Setting(
        name="artifacts.pipelinerun.format",
        kind="word",
        room="format",
        words=_FORMATS,
        default="in-toto",
        effect="Form of the provenance of PipelineRuns; slsa/v1 is another name of in-toto.",
    ),
    Setting(
        name="artifacts.pipelinerun.storage",
        kind="stores",
        room="store",
        words=_STORES,
        default="tekton",
        effect="Where the provenance of PipelineRuns is kept; empty: none is made.",
    ),
    Setting(
        name="artifacts.pipelinerun.signer",
        kind="word",
        room="signer",
        words=_SIGNERS,
        default="x509",
        effect="What signs the provenance of PipelineRuns; none: it is neither made nor kept.",
    ),
    Setting(
        name="artifacts.pipelinerun.enable-deep-inspection",
        kind="switch",
        default="false",
        effect="Read the results of a pipeline's TaskRuns too, for what was built and from what.",
    ),
    Setting(
        name="artifacts.oci.format",
        kind="word",
        room="image format",
        words=_IMAGE_FORMATS,
        default="simplesigning",
        effect="Form of what is signed for an image.",
    ),
    Setting(
        name="artifacts.oci.storage",
        kind="stores",
        room="store",
        words=_STORES_AND_KAFKA,
        default="oci",
        effect="Where signatures of images are kept; empty: images are not signed.",
    ),
    Setting(
        name="artifacts.oci.signer",
        kind="word",
        room="signer",
        words=_SIGNERS,
        default="x509",
        effect="What signs images; none: images are not signed.",
    ),
    Setting(
        name="storage.gcs.bucket",
        kind="text",
        effect="Google Cloud Storage bucket of the gcs store.",
    ),
    Setting(
        name="storage.gcs.endpoint",
        kind="text",
        own=True,
        effect="Address of the storage service, where it is not Google's public one.",
    ),
    Setting(
        name="storage.s3.bucket",
        kind="text",
        own=True,
        effect="Bucket of the s3 store.",
    ),
    Setting(
        name="storage.s3.region",
        kind="text",
        own=True,
        effect="Region of the bucket; unset: AWS_REGION, or us-east-1.",
    ),
    Setting(
        name="storage.s3.endpoint",
        kind="text",
        own=True,
        effect="Address of a server that speaks S3, where it is not Amazon's.",
    ),
    Setting(
        name="storage.azblob.account",
        kind="text",
        own=True,
        effect="Azure storage account of the azblob store.",
    ),
    Setting(
        name="storage.azblob.container",
        kind="text",
        own=True,
        effect="Blob container of the azblob store.",
    ),
    Setting(
        name="storage.azblob.endpoint",
        kind="text",
        own=True,
        effect="Address of the storage service, where it is not Azure's public one.",
    ),
    Setting(
        name="storage.file.path",
        kind="text",
        own=True,
        effect="Directory of the file store.",
    ),
    Setting(
        name="storage.oci.repository",
        kind="text",
        effect="Repository for signatures and attestations of images, instead of the image's own.",
    ),
    Setting(
        name="storage.oci.repository.insecure",
        kind="switch",
        default="false",
        effect="Speak to the registry without TLS, or with a certificate that nobody vouches for.",
    ),
    Setting(
        name="storage.oci.encoding-format",
        kind="word",
        words=("dsse", "sigstore-bundle"),
        default="dsse",
        effect="Form in the registry: cosign's .sig and .att tags, or Sigstore bundles that refer to the image.",
    ),
    Setting(
        name="storage.oci.allowed-hosts",
        kind="text",
        own=True,
        effect="Registries and token services (host[:port], comma-separated) to be trusted wherever they are.",
    ),
    Setting(
        name="storage.oci.ca-file",
        kind="text",
        own=True,
        effect="File with certificates (PEM) that registries are trusted by, beside the system's.",
    ),
    Setting(
        name="storage.docdb.url",
        kind="text",
        effect="Collection of the docdb store, such as mongo://DATABASE/COLLECTION?id_field=name.",
    ),
    Setting(
        name="storage.docdb.mongo-server-url",
        kind="text",
        safer="storage.docdb.mongo-server-url-path",
        effect="Address of the MongoDB server.",
    ),
    Setting(
        name="storage.docdb.mongo-server-url-dir",
        kind="text",
        effect="Directory whose file MONGO_SERVER_URL holds the server's address; goes before mongo-server-url.",
    ),
    Setting(
        name="storage.docdb.mongo-server-url-path",
        kind="text",
        effect="File that holds the MongoDB server's address; goes before the other two.",
    ),
    Setting(
        name="storage.grafeas.projectid",
        kind="text",
        effect="Google Cloud project of the grafeas store.",
    ),
    Setting(
        name="storage.grafeas.noteid",
        kind="text",
        effect="First part of the names of notes; unset: tekton- and the run's namespace.",
    ),
    Setting(
        name="storage.grafeas.notehint",
        kind="text",
        default="This attestation note was generated by Tekton Chains",
        effect="Hint that a note shows to people.",
    ),
    Setting(
        name="storage.grafeas.url",
        kind="text",
        default="https://containeranalysis.googleapis.com",
        own=True,
        effect="Address of the Grafeas server; a login goes to Google's only.",
    ),
    Setting(
        name="storage.pubsub.provider",
        kind="word",
        words=("inmemory", "kafka"),
        effect="Broker that the pubsub store sends to.",
    ),
    Setting(
        name="storage.pubsub.topic",
        kind="text",
        effect="Topic that the pubsub store sends to.",
    ),
    Setting(
        name="storage.pubsub.kafka.bootstrap.servers",
        kind="text",
        effect="Kafka brokers to start from, host:port.",
    ),
    Setting(
        name="storage.archivista.url",
        kind="text",
        effect="Address of the Archivista server.",
    ),
    Setting(
        name="builder.id",
        kind="text",
        default="https://tekton.dev/chains/v2",
        effect="Who vouches for the build: the builder's id in every provenance.",
    ),
    Setting(
        name="builddefinition.buildtype",
        kind="word",
        words=_BUILD_TYPES,
        default=_BUILD_TYPES[0],
        effect="How a build is described by slsa/v2alpha3 and slsa/v2alpha4; slsa-tekton embeds more of the run.",
    ),
    Setting(
        name="transparency.enabled",
        kind="log",
        words=("true", "manual", "false"),
        default="false",
        effect="Record signatures in a transparency log; manual: of runs that ask for it by annotation.",
    ),
    Setting(
        name="transparency.url",
        kind="text",
        default="https://rekor.sigstore.dev",
        effect="Address of the Rekor log.",
    ),
    Setting(
        name="transparency.version",
        kind="word",
        words=("v1", "v2"),
        default="v1",
        own=True,
        effect="Version of the Rekor log: v1, or v2 for a log in tiles (rekor-tiles).",
    ),
    Setting(
        name="transparency.entries",
        kind="word",
        words=("auto", "dsse", "hashedrekord", "intoto"),
        default="auto",
        own=True,
        effect="What a v1 log is told of provenance: hashedrekord, digests only; auto: dsse, in profile strict digests.",
    ),
    Setting(
        name="transparency.on-failure",
        kind="word",
        words=("wait", "best-effort"),
        default="wait",
        own=True,
        effect="Where the log fails: wait, or go on without and say transparency: missing.",
    ),
    Setting(
        name="transparency.public-key",
        kind="text",
        own=True,
        effect="Public key of the log, PEM; unset: the key of the public log at transparency.url.",
    ),
    Setting(
        name="transparency.public-key-path",
        kind="text",
        own=True,
        effect="File that holds the public key of the log; goes before transparency.public-key.",
    ),
    Setting(
        name="transparency.origin",
        kind="text",
        own=True,
        effect="Name of the log in its checkpoints; unset: for v2 the host of transparency.url, for v1 any.",
    ),
    Setting(
        name="timestamps.url",
        kind="text",
        own=True,
        effect="Address of an RFC 3161 timestamp authority that sees each signature; unset: none does.",
    ),
    Setting(
        name="timestamps.chain-path",
        kind="text",
        own=True,
        effect="File with its certificates (PEM), its own first, up to the root; unset: the public authority's.",
    ),
    Setting(
        name="signers.x509.fulcio.enabled",
        kind="switch",
        default="false",
        effect="Sign without a key of one's own, by certificates from Fulcio; goes before a key in the Secret.",
    ),
    Setting(
        name="signers.x509.fulcio.address",
        kind="text",
        default="https://fulcio.sigstore.dev",
        effect="Address of the Fulcio certificate authority.",
    ),
    Setting(
        name="signers.x509.fulcio.issuer",
        kind="text",
        default="https://oauth2.sigstore.dev/auth",
        effect="OIDC issuer for logins in a browser, which a controller never does: read, and not used.",
    ),
    Setting(
        name="signers.x509.fulcio.provider",
        kind="text",
        advised=_PROVIDERS,
        effect="Where the identity token comes from; unset: every provider that is there is tried.",
    ),
    Setting(
        name="signers.x509.identity.token.file",
        kind="text",
        effect="File that holds the identity token.",
    ),
    Setting(
        name="signers.x509.tuf.mirror.url",
        kind="text",
        default="https://tuf-repo-cdn.sigstore.dev",
        effect="TUF repository with the roots of trust.",
    ),
    Setting(
        name="signers.x509.tuf.root",
        kind="text",
        own=True,
        effect="File with the root.json to follow that repository from; unset: the one that it serves, as Chains does.",
    ),
    Setting(
        name="signers.x509.trusted-root",
        kind="text",
        own=True,
        effect="File trusted_root.json with the roots of trust, instead of a TUF repository.",
    ),
    Setting(
        name="signers.x509.hash",
        kind="word",
        words=("sha256", "by-curve"),
        default="sha256",
        own=True,
        effect="What a key hashes with: sha256, which cosign verifies, or by-curve, Chains' way for larger keys.",
    ),
    Setting(
        name="signers.kms.kmsref",
        kind="text",
        effect="Key of the kms signer: a URI awskms://, gcpkms://, azurekms://, hashivault:// or pkcs11:.",
    ),
    Setting(
        name="signers.kms.auth.address",
        kind="text",
        effect="Address of the Vault server.",
    ),
    Setting(
        name="signers.kms.auth.token",
        kind="text",
        safer="signers.kms.auth.token-path",
        effect="Vault token.",
    ),
    Setting(
        name="signers.kms.auth.token-path",
        kind="text",
        effect="File that holds the Vault token; goes before auth.token.",
    ),
    Setting(
        name="signers.kms.auth.oidc.path",
        kind="text",
        effect="Where Vault's JWT login is mounted.",
    ),
    Setting(
        name="signers.kms.auth.oidc.role",
        kind="text",
        effect="Role to log in to Vault as.",
    ),
    Setting(
        name="signers.kms.auth.oidc.token-path",
        kind="text",
        default="/var/run/secrets/kubernetes.io/serviceaccount/token",
        effect="File that holds the JWT for Vault; read when there is neither a Vault token nor SPIRE.",
    ),
    Setting(
        name="signers.kms.auth.spire.sock",
        kind="text",
        effect="Socket of the SPIFFE Workload API, which then gives the JWT for Vault.",
    ),
    Setting(
        name="signers.kms.auth.spire.audience",
        kind="text",
        effect="Audience of the JWT from SPIRE.",
    ),
    Setting(
        name="signers.spiffe.socket",
        kind="text",
        own=True,
        effect="Socket of the SPIFFE Workload API for the signer spiffe; unset: SPIFFE_ENDPOINT_SOCKET.",
    ),
    Setting(
        name="keys.by-namespace",
        kind="keys",
        own=True,
        effect="Lines of NAMESPACE KEY for namespaces with a key of their own; KEY is a URI as in kmsref, or file:NAME.",
    ),
    Setting(
        name="filter.managed-by",
        kind="names",
        effect="Further values of spec.managedBy whose runs are signed; Tekton's own always are.",
    ),
    Setting(
        name="profile",
        kind="word",
        words=("chains", "strict"),
        default="chains",
        own=True,
        effect="strict: images of failed runs are not signed; chains: what Chains signs is signed.",
    ),
    Setting(
        name="trusted-resources.verdicts",
        kind="word",
        words=("off", "ignore", "warn", "fail"),
        default="off",
        own=True,
        effect="Judge runs' remote definitions again by policies; the word is for sources that no policy matches.",
    ),
    Setting(
        name="provenance.metadata",
        kind="word",
        words=("stable", "chains"),
        default="stable",
        own=True,
        effect="stable leaves out annotations and labels that others add after a run's end; chains keeps them.",
    ),
    Setting(
        name="retries.failed-after",
        kind="seconds",
        default="300",
        own=True,
        effect="After so many seconds of failing a run is annotated as failed; it goes on being retried, and is then signed.",
    ),
)

NAMES: tuple[str, ...] = tuple(setting.name for setting in SETTINGS)

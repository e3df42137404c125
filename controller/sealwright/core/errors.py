"""What can go wrong, in three classes and one list of words.

`Transient`: waiting helps. `Permanent`: the same input fails the same way. `Untrusted`: a proof failed. Only the edge can
know that waiting helps, so only the edge raises Transient. Anything else that is raised is a bug.

A `Reason` is the same word in the log, in metric labels, Events, annotations, exit texts and runbooks; its meaning stands
beside it, once.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """A stable word for each way to fail. `meaning` is what documentation and `--explain` print."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member

    INVALID_INPUT = "InvalidInput", "the bytes are not what they should be (JSON, YAML, PEM, base64, ...)"
    TOO_LARGE = "TooLarge", "the input is over a size or nesting limit and was refused unread"
    REPEATED_KEY = "RepeatedKey", "an object names one key twice, so readers could disagree about it"
    INVALID_RUN = "InvalidRun", "the object is not a TaskRun or PipelineRun that can be read"
    INVALID_RESOURCE = "InvalidResource", "the object is not a Task, Pipeline or StepAction that Tekton would read"
    DEFINITION_REFUSED = "DefinitionRefused", "a run's remote definition is not signed as the policies in force demand"
    DEFINITION_DOUBTED = "DefinitionDoubted", "a run's remote definition is not signed as a policy that only warns asks"
    DEFINITION_UNKNOWN = "DefinitionUnknown", "whether a run's remote definition is signed could not be told"
    INVALID_CONFIG = "InvalidConfig", "the configuration has faults; each is named"
    NOT_FINISHED = "NotFinished", "the run, or a child of it, has not finished yet"
    CHILD_MISSING = "ChildMissing", "a child run that the PipelineRun names cannot be found"
    CHILD_FORGED = "ChildForged", "an object has the name of a child run but does not belong to this PipelineRun"
    SPOOFED_MARK = "SpoofedMark", "a run carries a mark that says it is signed, and nothing proves it"
    DISABLED = "Disabled", "the configuration asks for nothing to be signed or stored here"
    UNKNOWN_FORMAT = "UnknownFormat", "no such provenance format"
    KEY_MISSING = "KeyMissing", "no signing or verification key was found where one was expected"
    KEY_UNUSABLE = "KeyUnusable", "the key cannot be read, or its algorithm or size is not accepted"
    KEY_DENIED = "KeyDenied", "a key service or authority refuses us: a permission is missing, or the key is disabled"
    WRONG_PASSWORD = "WrongPassword", "the password does not open this key"
    STORE_FAILED = "StoreFailed", "a store refused or lost what it was given"
    ADDRESS_DENIED = "AddressDenied", "a run names a host at an address where it may not lead us (loopback, link-local, metadata)"
    LOGIN_REFUSED = "LoginRefused", "a registry wants a login, and that of the run's ServiceAccount is missing or not accepted"
    LOG_FAILED = "LogFailed", "the transparency log refused an entry, or takes no more"
    NOT_HELD = "NotHeld", "this replica does not hold the run's shard any more; another one goes on with it"
    OUTBOX_FULL = "OutboxFull", "no room to keep what is owed of runs that are being deleted"
    UNAVAILABLE = "Unavailable", "something needed did not answer; waiting may help"
    NOT_FOUND = "NotFound", "nothing is there under this name"
    INTERNAL_ERROR = "InternalError", "a bug in Sealwright; please report it"

    BAD_ENVELOPE = "BadEnvelope", "the envelope is not a DSSE envelope, or breaks one of its rules"
    BAD_BUNDLE = "BadBundle", "the file is not a Sigstore bundle, or breaks a rule of its version"
    BAD_SIGNATURE = "BadSignature", "no signature over these bytes verifies with a trusted key"
    BAD_CERTIFICATE = (
        "BadCertificate",
        "the signer's certificate does not lead to a trusted authority, or was not valid or not for this",
    )
    BAD_TIMESTAMP = "BadTimestamp", "a timestamp is not by a trusted clock, or is over other bytes"
    NO_PROVEN_TIME = "NoProvenTime", "too few trusted clocks and logs say when the signature was made"
    NOT_LOGGED = "NotLogged", "too few trusted logs are proven to have the signature"
    WRONG_IDENTITY = "WrongIdentity", "the signature is good, but by somebody else than was asked for"
    BAD_STATEMENT = "BadStatement", "the signed bytes are not an in-toto Statement"
    WRONG_PAYLOAD_TYPE = "WrongPayloadType", "the signature is good, but for another kind of payload"
    WRONG_PREDICATE = "WrongPredicate", "the statement makes another kind of claim than was asked for"
    WRONG_SUBJECT = "WrongSubject", "the statement speaks of something else than was asked about"
    WRONG_BUILDER = "WrongBuilder", "the statement names another builder than was asked for"
    WRONG_OBJECT = "WrongObject", "the attestation is kept with an object that it does not speak of"
    WRONG_DIGEST = "WrongDigest", "bytes do not have the digest under which they are kept"
    NO_ATTESTATION = "NoAttestation", "there is no attestation to verify"
    INVALID_POLICY = "InvalidPolicy", "the policy cannot be read, or asks for nothing"
    POLICY_BROKEN = "PolicyBroken", "nothing that was signed keeps a rule of the policy"
    INVALID_LAYOUT = "InvalidLayout", "the layout cannot be read, or asks for something that cannot be"
    LAYOUT_EXPIRED = "LayoutExpired", "the layout was valid until a time that has passed"
    NOT_SIGNED = "NotSigned", "a step has ended and too few of its functionaries have signed it yet"
    STEP_MISSING = "StepMissing", "a step that the layout asks for has not run, or nothing signed speaks of it"
    STEP_UNKNOWN = "StepUnknown", "a task runs that the layout does not name"
    STEP_FAILED = "StepFailed", "a step has not succeeded, and the layout does not let it fail"
    WRONG_FUNCTIONARY = "WrongFunctionary", "somebody signed a step whom the layout does not name for it"
    WRONG_ACCOUNT = "WrongAccount", "a step runs under a ServiceAccount that the layout does not name for it"
    WRONG_DEFINITION = "WrongDefinition", "a Task or Pipeline has another definition than the layout asks for"
    WRONG_RESULT = "WrongResult", "a result is not the one that was signed when the step ended"
    WRONG_PARAM = "WrongParam", "a step gets another parameter than the signed results and the pipeline give it"
    WRONG_ORDER = "WrongOrder", "a step would start before one that the layout puts before it"
    RULE_BROKEN = "RuleBroken", "what a step used or made is not what an artifact rule allows"
    UNKNOWN_LOG = "UnknownLog", "the entry is of a transparency log whose public key is not trusted"
    BAD_LOG_ENTRY = "BadLogEntry", "the log's entry cannot be read, or nothing in it proves that it is in the log"
    BAD_INCLUSION = "BadInclusion", "the inclusion proof does not lead to the tree that the log signed"
    BAD_CHECKPOINT = "BadCheckpoint", "the log's checkpoint cannot be read, or the log's key did not sign it"
    BAD_PROMISE = "BadPromise", "the log's key did not sign the promise (signed entry timestamp) of this entry"
    WRONG_ENTRY = "WrongEntry", "the log's entry speaks of another payload, signature or key"


class Fault(Exception):  # noqa: N818  the word this package uses for all three
    """Base of the three classes; never raised itself.

    `message` is a sentence a person can act on: what was wanted, what was found, where, what to do.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Transient(Fault):
    """Waiting helps. `after_s` is the peer's own wish, in seconds, where it gave one."""

    def __init__(self, reason: Reason, message: str, after_s: float | None = None) -> None:
        super().__init__(reason, message)
        self.after_s = after_s


class Permanent(Fault):
    """The same input will fail the same way, until the input or the configuration changes."""


class Untrusted(Permanent):
    """A proof failed: the thing may be well formed, but nothing says that it is true."""


# Foreign text (a key name, a peer's answer) is cut here, so that one hostile value cannot fill a log.
FOREIGN_LIMIT = 256


def quote(text: object) -> str:
    """Foreign text for a message: one line, printable, at most FOREIGN_LIMIT characters, in quotes."""
    shown = str(text)
    cut = shown[:FOREIGN_LIMIT] + "..." if len(shown) > FOREIGN_LIMIT else shown
    return ascii(cut) if not cut.isprintable() else f"'{cut}'"

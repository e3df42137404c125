"""CEL expressions over one verified statement: google's evaluator, which counts iterations and matches by RE2's rules.

The expression is the operator's, the statement may be hostile: nested loops over it end at the evaluator's budget, patterns take
linear time. It lives in core because it is a pure function of its input, and is imported when a policy has an expression:
the extra `policy` brings it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sealwright.core.errors import Permanent, Reason, Transient, quote
from sealwright.core.model import Verified
from sealwright.core.policy import people

VARIABLES = ("subject", "predicateType", "predicate", "signers")


def problem(expression: str, verified: Verified) -> str:
    """Why the expression is not true of this statement; "" if it is.

    Raises Permanent(INVALID_POLICY) for what does not compile, Transient(UNAVAILABLE) where CEL is not installed.
    """
    found = _compiled(expression)(_data(verified))
    if found is True:
        return ""
    return "it is false" if found is False else f"it gives {quote(found)}, wanted true"


def check(expression: str) -> None:
    """Raises as `problem`."""
    _compiled(expression)


def _data(verified: Verified) -> dict[str, Any]:
    return {
        "subject": [{"name": each.name, "digest": dict(each.digest)} for each in verified.payload.subjects],
        "predicateType": verified.payload.predicate_type,
        "predicate": dict(verified.predicate),
        "signers": sorted(people.marks(verified)),
    }


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Callable[[dict[str, Any]], Any]:
    try:
        from cel_expr_python import cel  # noqa: PLC0415  an extra, and slow to import
    except ImportError as error:
        message = "CEL is not installed, so this rule cannot be judged; install sealwright[policy]"
        raise Transient(Reason.UNAVAILABLE, message) from error
    try:
        compiled = cel.NewEnv(variables=dict.fromkeys(VARIABLES, cel.Type.DYN)).compile(expression)
    except Exception as error:
        raise Permanent(Reason.INVALID_POLICY, f"the expression {quote(expression)} is not CEL: {quote(error)}") from error

    def evaluate(data: dict[str, Any]) -> Any:
        try:
            return compiled.eval(data=data).value()
        except Exception as error:  # noqa: BLE001  the evaluator raises RuntimeError and its own; none of them is a yes
            return str(error)

    return evaluate

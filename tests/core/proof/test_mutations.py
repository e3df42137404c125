"""A definition that means something else is refused: generated ones, changed in every place.

Some of them here; tests/e2e/test_tekton.py takes all 300, with 200 changes each.
"""

from fakes import resources as recorded


def test_every_change_of_meaning_is_refused():
    """And the unchanged definition is accepted each time."""
    for text in recorded.CANONICAL[::9]:
        assert recorded.accepted_changes(text, 40) == []

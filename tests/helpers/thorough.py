"""Leave the longest tests to a run with RT_NER_TESTS=thorough."""

import os

import pytest


def only_thorough(reason: str) -> pytest.MarkDecorator:
    """Skip a test, for this reason, in an ordinary run."""
    return pytest.mark.skipif(os.environ.get("RT_NER_TESTS") != "thorough", reason=reason)

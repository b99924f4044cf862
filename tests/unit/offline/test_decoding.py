"""A decoded session: the bundle's own scores, on the trials that were asked for."""

from dataclasses import replace

import numpy as np
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.session.session import Session
from rt_ner.offline.decoding import decode, decode_session


def test_held_out_trials_score_as_they_did_after_training(
    small_bundle: Bundle, small_session: Session
) -> None:
    decoded = decode(small_bundle, small_session)
    scores = decoded.score(small_session)
    assert scores.n_trials == 4
    assert scores.r2 == pytest.approx(small_bundle.scores.r2)
    assert scores.path_r2 == pytest.approx(small_bundle.scores.path_r2)
    assert scores.shuffled_r2 is not None
    assert scores.shuffled_r2 < scores.r2
    train = decoded.score(small_session, trials="train")
    assert train.n_trials == 12
    assert train.r2 == pytest.approx(small_bundle.scores.train_r2)
    assert decoded.score(small_session, trials="all").n_trials == 16


def test_the_same_data_under_another_name_is_the_session_trained_on(
    small_bundle: Bundle, small_session: Session
) -> None:
    renamed = replace(small_session, name="copy", provenance={})
    assert decode(small_bundle, renamed).score(renamed).n_trials == 4


def test_all_trials_of_another_session_are_held_out(
    small_bundle: Bundle, small_session: Session
) -> None:
    targets = replace(small_session.trials, target_cm=np.ones((16, 2)))
    other = replace(small_session, trials=targets)
    decoded = decode(small_bundle, other)
    assert decoded.score(other).n_trials == 16
    with pytest.raises(SessionError, match="'train'.*score 'all' trials"):
        decoded.score(other, trials="train")


def test_other_words_for_trials_are_refused(small_bundle: Bundle, small_session: Session) -> None:
    with pytest.raises(ConfigError, match="trials = 'test': expected 'held_out', 'train' or 'all'"):
        decode(small_bundle, small_session).score(small_session, trials="test")


def test_a_bundle_decodes_what_its_model_decodes(
    small_bundle: Bundle, small_session: Session
) -> None:
    decoded = decode(small_bundle, small_session)
    plain = decode_session(small_bundle.model, small_session)
    np.testing.assert_array_equal(decoded.values, plain.values)
    np.testing.assert_array_equal(decoded.latent, plain.latent)
    assert decoded.end_ns[-1] <= small_session.end_ns

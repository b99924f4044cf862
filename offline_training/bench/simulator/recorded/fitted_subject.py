"""Fit the simulated subject to a recorded closed loop: how it moves, its tuning, its noise."""

from dataclasses import replace

import numpy as np

from drivers.simulated.subject.firing import REFRACTORY_MS
from drivers.simulated.subject.intention import SubjectSettings
from drivers.simulated.subject.neurons import Neurons, SharedNoise, drives, fitted
from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.clock import NS_PER_S
from rt_ner.recalibration.block import ClosedLoopBlock
from rt_ner.recalibration.intention.reach_model import fit_reach_model, intended_velocity

# Movement explains the population's rate by the intention up to so many hops earlier and later.
_AROUND_HOPS = 3


def fitted_subject(
    block: ClosedLoopBlock, trials: Int64Array
) -> tuple[FloatArray, Neurons, SubjectSettings]:
    """Return the intention ``(hop, 2)``, and neurons and a subject fitted to some trials.

    The block has the velocity that the decoder sent. Noise of the intention is not fitted. Rates
    are higher by what the refractory period will take, so that as many spikes are fired.
    """
    own = block.only(trials)
    model, _ = fit_reach_model(own)
    intended_cm_s, known = intended_velocity(block, model)
    neurons = fitted(own.session("recorded", intended_cm_s, known))
    rate_hz = own.counts[own.reach >= 0].mean(axis=0) * (NS_PER_S / own.hop_ns)
    log_hz = neurons.log_hz - np.log1p(-rate_hz * REFRACTORY_MS / 1e3)
    noise = shared_noise(own, intended_cm_s)
    settings = SubjectSettings(
        visual_delay_s=model.delay_s,
        approach_s=model.approach_s,
        max_speed_cm_s=model.max_speed_cm_s,
        build_up_s=model.build_up_s,
    )
    return intended_cm_s, replace(neurons, log_hz=log_hz, shared_noise=noise), settings


def shared_noise(block: ClosedLoopBlock, intended_cm_s: FloatArray) -> SharedNoise:
    """Return the noise that all channels share in a block's reaches.

    The sum of all channels is regressed on the movement. Of the rest, as a part of the sum, Poisson
    noise adds nothing to the covariances of one hop with the next and the one after; from these
    follow the noise's duration and variance.
    """
    inputs = drives(intended_cm_s, np.nan_to_num(block.cursor_cm))
    around = range(-_AROUND_HOPS, _AROUND_HOPS + 1)
    design = np.column_stack([np.ones(len(inputs)), *(np.roll(inputs, k, axis=0) for k in around)])
    reach = block.reach.copy()
    reach[:_AROUND_HOPS] = reach[-_AROUND_HOPS:] = -1  # The movement around is not known there.
    aims = reach >= 0
    total = block.counts.sum(axis=1).astype(np.float64)
    weights = np.linalg.lstsq(design[aims], total[aims], rcond=None)[0]
    expected = design @ weights
    rest = (total - expected) / np.maximum(expected, 1.0)
    first, second = (_covariance(rest, reach, lag) for lag in (1, 2))
    if not 0 < second < first:
        return SharedNoise()
    hop_s = block.hop_ns / NS_PER_S
    lasts_s = hop_s / float(np.log(first / second))
    # A hop averages the noise, which changes within it.
    half = hop_s / (2 * lasts_s)
    averaged = (np.sinh(half) / half) ** 2
    return SharedNoise(float(np.sqrt(first**2 / second / averaged)), lasts_s)


def _covariance(rest: FloatArray, reach: Int64Array, lag: int) -> float:
    """Return the mean product of values ``lag`` hops apart in the same reach."""
    same = (reach[lag:] == reach[:-lag]) & (reach[lag:] >= 0)
    return float((rest[lag:][same] * rest[:-lag][same]).mean())

"""Model a population that fires for intended movements and clicks, made up or fitted.

The rate of a unit is log-linear in intended velocity, its speed and position: cosine tuning with
a gain by speed (Moran & Schwartz 1999), as a generalised linear model (Paninski et al. 2004).
A click changes the log rate too, by a random weight of each unit: no session tells the true ones.
"""

from dataclasses import dataclass, replace

import numpy as np

from rt_ner.core.arrays import FloatArray, Int64Array
from rt_ner.core.contract.names import electrode_names
from rt_ner.data.session.session import Session

# The model divides velocity and position by these, so that weights are of order 1.
VELOCITY_CM_S, POSITION_CM = 30.0, 8.0
_MAX_HZ = 400.0
_N_DRIVES = 5
# Spread of the change of log rate by a click: half of what a movement at 30 cm/s changes.
_CLICK_SD = 0.5
# Lags at which a recorded unit may lead the hand, and the penalty on its weights.
_LAGS_S = (0.0, 0.03, 0.06, 0.09, 0.12, 0.15)
_RIDGE, _NEWTON_STEPS = 1.0, 15


@dataclass(frozen=True)
class SharedNoise:
    """Changes of all log rates together, which no movement explains; none by default.

    Parts of the variability that neurons share are such changes of their common gain (Goris et al.
    2014). ``sd``: standard deviation of the log rate. ``lasts_s``: time in which a change decays to
    1/e. A recording's own are estimated by `rt-ner bench simulator`.
    """

    sd: float = 0.0
    lasts_s: float = 0.06


_NO_NOISE = SharedNoise()


@dataclass(frozen=True, eq=False)
class Neurons:
    """Tuning of units.

    ``log_hz``: ``(unit,)``, log rate at rest. ``weights``: ``(drive, unit)``, for the drives of
    `drives`. ``click``: ``(unit,)``, that of a click. ``channel``: ``(unit,)``, electrode of each.
    ``channel_ids``: electrodes in order. ``shared_noise``: changes of all their rates together.
    """

    log_hz: FloatArray
    weights: FloatArray
    click: FloatArray
    channel: Int64Array
    channel_ids: tuple[str, ...]
    shared_noise: SharedNoise = _NO_NOISE

    def rates_hz(
        self, velocity_cm_s: FloatArray, position_cm: FloatArray, click: float = 0.0
    ) -> FloatArray:
        """Return rates ``(time, unit)`` for intended velocity and position ``(time, 2)``.

        ``click`` is how much a click is intended meanwhile, 0 to 1.
        """
        log_hz = (
            self.log_hz + drives(velocity_cm_s, position_cm) @ self.weights + click * self.click
        )
        return np.minimum(np.exp(log_hz), _MAX_HZ)

    def another_day(
        self,
        rng: np.random.Generator,
        replaced: float = 0.3,
        turned_deg: float = 20.0,
        gain_sd: float = 0.2,
        silenced: int = 0,
        baseline_sd: float = 0.0,
    ) -> "Neurons":
        """Return the same array after some time.

        ``replaced``: fraction of the units that are new, on the same electrodes. ``turned_deg``:
        standard deviation of the turn in preferred direction of the others. ``gain_sd``: standard
        deviation of the change of their log depth of tuning. ``silenced``: number of electrodes
        that fell silent. ``baseline_sd``: standard deviation of the change of log rate at rest.
        """
        others = made_up(rng, len(self.channel_ids), self.channel)
        turn = np.deg2rad(rng.normal(0.0, turned_deg, self.log_hz.size))
        cos, sin = np.cos(turn), np.sin(turn)
        weights = self.weights.copy()
        for x, y in ((0, 1), (3, 4)):
            weights[x], weights[y] = (
                cos * self.weights[x] - sin * self.weights[y],
                sin * self.weights[x] + cos * self.weights[y],
            )
        gain = np.exp(rng.normal(0.0, gain_sd, self.log_hz.size))
        weights *= gain
        new = rng.random(self.log_hz.size) < replaced
        log_hz = np.where(new, others.log_hz, self.log_hz)
        dead = rng.choice(len(self.channel_ids), silenced, replace=False)
        log_hz[np.isin(self.channel, dead)] = -np.inf
        if baseline_sd > 0:  # Drawn last and only then, so that a seed gives what it always gave.
            log_hz += np.where(new, 0.0, rng.normal(0.0, baseline_sd, log_hz.size))
        return replace(
            self,
            log_hz=log_hz,
            weights=np.where(new, others.weights, weights),
            click=np.where(new, others.click, self.click * gain),
        )

    def after_a_night(
        self,
        rng: np.random.Generator,
        replaced: float = 0.05,
        turned_deg: float = 7.6,
        gain_sd: float = 0.076,
        baseline_sd: float = 0.15,
    ) -> "Neurons":
        """Return the same array a night later; call it on its own result for day after day.

        The parameters are those of `another_day`. A week of nights gives its defaults:
        1 - 0.95**7 = 30 % replaced (43 % in Dickey et al. 2009; a third in 15 days in Vaidya et
        al. 2014), and each other change times the root of 7 (20°, gains by 0.2, baselines by 0.4).
        """
        return self.another_day(rng, replaced, turned_deg, gain_sd, baseline_sd=baseline_sd)


def drives(velocity_cm_s: FloatArray, position_cm: FloatArray) -> FloatArray:
    """Return what units are tuned to, ``(time, drive)``: velocity x, y, speed, position x, y."""
    velocity = velocity_cm_s / VELOCITY_CM_S
    speed = np.hypot(*velocity.T)[:, None]
    return np.concatenate([velocity, speed, position_cm / POSITION_CM], axis=1)


def made_up(
    rng: np.random.Generator, n_electrodes: int = 96, channel: Int64Array | None = None
) -> Neurons:
    """Return units with random tuning; without ``channel``, zero to three per electrode."""
    if channel is None:
        silent = rng.random(n_electrodes) < 0.08
        n_units = np.where(silent, 0, rng.integers(1, 4, n_electrodes))
        channel = np.repeat(np.arange(n_electrodes), n_units)
    n = channel.size
    base_hz = np.clip(rng.lognormal(np.log(10.0), 0.8, n), 1.0, 60.0)
    weights = np.zeros((_N_DRIVES, n))
    for rows, depth in (((0, 1), 1.0), ((3, 4), 0.3)):
        angle, strength = rng.uniform(0, 2 * np.pi, n), depth * rng.lognormal(0.0, 0.4, n)
        weights[list(rows)] = strength * np.stack([np.cos(angle), np.sin(angle)])
    weights[2] = rng.normal(0.2, 0.2, n)
    labels = electrode_names(n_electrodes)
    # Drawn by a generator of its own, so that a seed gives the movement tuning it always gave.
    click = _click_weights(rng.spawn(1)[0], n)
    return Neurons(np.log(base_hz), weights, click, channel, labels)


def _click_weights(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.normal(0.0, _CLICK_SD, n)


def fitted(session: Session) -> Neurons:
    """Return the units of a recorded session, each at the lag where the hand explains it best.

    Fitted by Poisson regression with Newton's method to the counts within trials. A unit of the
    model is a channel of the session.
    """
    period_ns = max(session.spikes.raster_period_ns, 10_000_000)
    counts, ends_ns = _counts(session, period_ns)
    best = np.full(counts.shape[1], -np.inf)
    weights = np.zeros((_N_DRIVES, counts.shape[1]))
    log_hz = np.zeros(counts.shape[1])
    for lag_s in _LAGS_S:
        at_ns = ends_ns + round(lag_s * 1e9)
        velocity, known = session.behaviour.at(at_ns)
        known &= session.trials.index_at(ends_ns) >= 0
        position = _positions(session, at_ns, velocity, period_ns)
        inputs = np.column_stack([np.ones(known.sum()), drives(velocity, position)[known]])
        fit, likelihood = _poisson(inputs, counts[known])
        better = likelihood / known.sum() > best
        best = np.where(better, likelihood / known.sum(), best)
        weights = np.where(better, fit[1:], weights)
        log_hz = np.where(better, fit[0] - np.log(period_ns / 1e9), log_hz)
    n = counts.shape[1]
    click = _click_weights(np.random.default_rng(n), n)
    return Neurons(log_hz, weights, click, np.arange(n), session.channel_ids)


def _counts(session: Session, period_ns: int) -> tuple[FloatArray, Int64Array]:
    """Return the session's counts ``(bin, channel)``, and the ends of the bins."""
    chunks = list(session.spikes.raster(0, session.end_ns))
    counts = np.concatenate([chunk.counts for chunk in chunks]).astype(np.float64)
    ends_ns = np.concatenate([chunk.stamp_ns for chunk in chunks])
    together = period_ns // session.spikes.raster_period_ns
    whole = len(counts) // together * together
    summed = counts[:whole].reshape(-1, together, counts.shape[1]).sum(axis=1)
    return summed, ends_ns[:whole].reshape(-1, together)[:, -1]


def _positions(
    session: Session, at_ns: Int64Array, velocity_cm_s: FloatArray, period_ns: int
) -> FloatArray:
    """Return the position since each trial's start ``(time, 2)``: the velocity summed up."""
    path = np.cumsum(velocity_cm_s, axis=0) * (period_ns / 1e9)
    first = np.searchsorted(at_ns, session.trials.start_ns)
    trial = np.clip(session.trials.index_at(at_ns), 0, None)
    return path - path[np.clip(first[trial], 0, len(path) - 1)]


def _poisson(inputs: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return weights ``(input, unit)`` of a log-linear Poisson model, and log likelihoods."""
    fit = np.zeros((inputs.shape[1], counts.shape[1]))
    fit[0] = np.log(counts.mean(axis=0) + 1e-6)
    ridge = _RIDGE * np.eye(inputs.shape[1])
    ridge[0, 0] = 1e-6
    for unit in range(counts.shape[1]):
        weight = fit[:, unit].copy()
        for _ in range(_NEWTON_STEPS):
            mean = np.exp((inputs @ weight).clip(-20, 5))
            gradient = inputs.T @ (counts[:, unit] - mean) - ridge @ weight
            weight += np.linalg.solve((inputs * mean[:, None]).T @ inputs + ridge, gradient)
        fit[:, unit] = weight
    log_mean = (inputs @ fit).clip(-20, 5)
    return fit, (counts * log_mean - np.exp(log_mean)).sum(axis=0)

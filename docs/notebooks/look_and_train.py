# %% [markdown]
# # Look at a session and train
#
# Before you train a decoder, look at the recording: do the channels fire, and does their rate
# depend on where the hand goes? Afterwards, look at the score beside its control. This notebook
# does both, on a simulated session.

# %%
import matplotlib.pyplot as plt
import numpy as np

import offline_training
import rt_ner
from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session

# %% [markdown]
# ## A session
#
# Sixty reaches to eight targets, and 48 electrodes. For a recording of yours, write `session =
# rt_ner.load_session("day1.xdf")` instead; see [Read your files](../recordings.md).

# %%
session = simulate_session(0, TaskSettings(n_trials=60), ArraySettings(n_electrodes=48))
rt_ner.save_session(session, "session.npz")
print(session)
print(session.spikes)
print(session.trials)
print("missing for training:", session.missing_for_training())

# %% [markdown]
# ## Which channels fire?
#
# A silent channel is harmless: it is ignored. A channel that fires far faster than all others is
# more often noise than a neuron. All times are whole nanoseconds; here are the spikes of
# each channel in each millisecond, and their rates.

# %%
per_ms = np.concatenate([chunk.counts for chunk in session.spikes.raster(0, session.end_ns)])
rate_hz = per_ms.mean(axis=0) * 1000
print(f"{(rate_hz == 0).sum()} silent channels, the others fire at up to {rate_hz.max():.0f} Hz")

# %% [markdown]
# ## Do they know where the hand goes?
#
# The mean rate of a channel from the go cue to the end of the reach, by the direction of the reach,
# is its *tuning*. A cosine is the usual shape. The three channels whose tuning is deepest:

# %%
trials = session.trials
bounds_ms = np.stack([trials.go_ns, trials.end_ns], axis=1) // 1_000_000
in_reach_hz = np.array([per_ms[go:end].mean(axis=0) for go, end in bounds_ms]) * 1000
directions = np.unique(trials.direction_deg)
tuning_hz = np.array([in_reach_hz[trials.direction_deg == one].mean(axis=0) for one in directions])
deepest = np.argsort(np.ptp(tuning_hz, axis=0))[:-4:-1]

# %% [markdown]
# ## Train
#
# These settings are small, so that it takes seconds. Leave them out for a real decoder: the
# defaults take about half a minute on two cores. It prints what the session lacks; here, that some
# channels are silent.

# %%
quick = {"steps": 60, "batch": 64, "hidden_units": (64, 64), "ensemble": {"members": 1}}
bundle = offline_training.train(session, seed=0, **quick)
bundle.save("bundle", overwrite=True)
print(f"velocity R² {bundle.scores.r2:.2f}, control {bundle.scores.shuffled_r2:.2f}")

# %% [markdown]
# The score is of the last fifth of the trials, which training never saw. The control is the same
# training on shuffled trials: it must be near zero or below. If both are close, nothing was
# learned.
#
# ## See what it learned
#
# On the left is the tuning from above, on the right the first two latents at each moment of the
# held-out reaches, coloured by the direction in which the hand moves. Directions that lie side by
# side in space lie side by side in the latents, too: that is what NER trains for.

# %%
decoded = rt_ner.decode(bundle, session)
velocity, known = session.behaviour.at(decoded.end_ns)
speed = np.hypot(*velocity.T)
held_out = trials.index_at(decoded.end_ns) >= 0.8 * len(trials)
shown = held_out & known & (speed > 0.3 * speed[known].max()) & np.isfinite(decoded.latent[:, 0])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(directions, tuning_hz[:, deepest], "o-", label=[session.channel_ids[k] for k in deepest])
left.set(xlabel="direction of the reach (°)", ylabel="rate (spikes/s)", xticks=directions)
left.legend(frameon=False)
heading_deg = np.degrees(np.arctan2(velocity[shown, 1], velocity[shown, 0])) % 360
points = right.scatter(*decoded.latent[shown, :2].T, c=heading_deg, cmap="hsv", s=6)
right.set(xlabel="latent 1", ylabel="latent 2", aspect="equal")
figure.colorbar(points, ax=right, label="direction of movement (°)")
figure.savefig("look_and_train.png", dpi=100)

# %% [markdown]
# ![Tuning of three channels, and latents coloured by direction](../../.github/look_and_train.png)
#
# [Decode in Python](decode_in_python.md) goes on with the session and the bundle that were saved
# here.

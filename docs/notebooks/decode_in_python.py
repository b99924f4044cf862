# %% [markdown]
# # Decode in Python, offline and live
#
# The same bundle decodes a recording, and a stream that comes in now, with the same code and so
# with the same numbers. This notebook shows both. Run [Look at a session and
# train](look_and_train.md) first, in the same folder: it saves the session and the bundle.

# %%
import subprocess
import sys

import numpy as np

import rt_ner

session = rt_ner.load_session("session.npz")
bundle = rt_ner.load_bundle("bundle")

# %% [markdown]
# ## Offline
#
# A *hop* is the step between two decoded velocities. There is a latent and a velocity for each, at
# its end.

# %%
decoded = rt_ner.decode(bundle, session)
print(decoded.latent.shape, decoded.values.shape)
score = decoded.score(session, trials="held_out")
print(f"velocity R² {score.r2:.2f}, path R² {score.path_r2:.2f}, of {score.n_trials} trials")

# %% [markdown]
# ## Live
#
# `rt-ner replay` sends the session as if an amplifier recorded it now, in a process of its own.
# `rt_ner.LiveDecoder` decodes it, and publishes its results over LSL, as `rt-ner decode` does. Your
# loop gets each hop as well; the decoder never waits for it. With an amplifier, leave the replay
# out and give the `source_id` of its stream.

# %%
replay = subprocess.Popen([sys.executable, "-m", "rt_ner", "replay", "session.npz"])
running = []
try:
    with rt_ner.LiveDecoder(bundle, source_id="replay/spikes") as live:
        for hop in live:
            if hop.state == "RUNNING":
                running.append(hop)
            if len(running) == 200:
                break
finally:
    replay.terminate()
    replay.wait()
print(f"{len(running)} hops, {sum(hop.n_lost for hop in running)} lost")

# %% [markdown]
# In any state but `RUNNING`, the velocity is zero: while the history fills (`WARMING`), on hold, or
# if no data come.
#
# ## Live equals offline
#
# The replay keeps every spike's place in its bin. So the live latents are the offline ones of the
# same hops, bit for bit:

# %%
live_latent = np.array([hop.latent for hop in running])
(first, *_) = np.flatnonzero((decoded.latent == live_latent[0]).all(axis=1))
hop_ns = decoded.end_ns[1] - decoded.end_ns[0]
place = first + (np.array([hop.end_ns for hop in running]) - running[0].end_ns) // hop_ns
print("live equals offline:", np.array_equal(decoded.latent[place], live_latent))

"""Connect the workers with each other, over the loopback address alone."""

from datetime import timedelta
from typing import Any

import torch
import torch.distributed

from offline_training.joint.workers.worker import AnotherLostError, Place
from offline_training.ner.sharing.share import AddUp

_LOOPBACK = "127.0.0.1"
# Workers take their steps together; one that is silent for so long hangs.
_LONGEST_SILENCE = timedelta(minutes=10)


def meet(place: Place) -> AddUp:
    """Wait for all workers; return the function that adds up a tensor over them."""
    # Gloo would otherwise listen at the address of the host's name.
    library: Any = torch.distributed
    options = library.ProcessGroupGloo._Options()
    options._devices = [library.ProcessGroupGloo.create_device(hostname=_LOOPBACK)]
    options._timeout = _LONGEST_SILENCE
    store = library.FileStore(place.meeting_file, place.n_workers)
    group = library.ProcessGroupGloo(store, place.number, place.n_workers, options)

    def add_up(tensor: torch.Tensor) -> None:
        try:
            group.allreduce([tensor]).wait()
        except RuntimeError as error:
            raise AnotherLostError from error

    return add_up

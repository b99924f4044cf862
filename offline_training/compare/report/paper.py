"""Held-out scores quoted from the NER paper, to be shown next to ours."""

from collections.abc import Iterable
from dataclasses import dataclass

from offline_training.compare.scoring.rows import Way


@dataclass(frozen=True)
class PaperRow:
    """One method of the NER paper (NeurIPS 2024) on one recording, within the session.

    Source: the result files in the paper's repository. Its encoders saw counts smoothed by a
    centred Gaussian (9 bins of 30 ms, SD 45 ms), i.e. 120 ms of the future: not causal. Velocity R²
    has its arguments swapped, position R² does not. Scores are of the last fifth of the trials, as
    here. Method names are ours. pi-VAE on PMd is not quoted, because those files do not name its
    sessions.
    """

    session: str
    area: str
    method: str
    readout: str
    swapped_r2: float
    path_r2: float
    direction_acc: float

    @property
    def recording(self) -> str:
        """Names of session and area."""
        return f"{self.session} {self.area}"

    @property
    def way(self) -> Way:
        """Method and readout."""
        return self.method, self.readout


_PAPER = (
    PaperRow("Chewie_20150629", "M1", "ner-paper", "linear", 0.548, 0.891, 0.82857),
    PaperRow("Chewie_20150629", "M1", "ner-paper", "knn", 0.571, 0.872, 0.82857),
    PaperRow("Chewie_20150629", "M1", "cebra-3", "linear", -2.939, 0.723, 0.80000),
    PaperRow("Chewie_20150629", "M1", "cebra-16", "knn", 0.651, 0.902, 0.85714),
    PaperRow("Chewie_20150629", "M1", "pi-vae", "linear", 0.496, 0.890, 0.94286),
    PaperRow("Chewie_20150629", "M1", "pi-vae", "knn", 0.886, 0.964, 0.97143),
    PaperRow("Chewie_20150630", "M1", "ner-paper", "linear", 0.603, 0.909, 0.94286),
    PaperRow("Chewie_20150630", "M1", "ner-paper", "knn", 0.685, 0.903, 0.91429),
    PaperRow("Chewie_20150630", "M1", "cebra-3", "linear", -2.211, 0.793, 0.91429),
    PaperRow("Chewie_20150630", "M1", "cebra-16", "knn", 0.626, 0.888, 0.88571),
    PaperRow("Chewie_20150630", "M1", "pi-vae", "linear", 0.615, 0.923, 0.97143),
    PaperRow("Chewie_20150630", "M1", "pi-vae", "knn", 0.928, 0.982, 1.00000),
    PaperRow("Chewie_20161007", "M1", "ner-paper", "linear", 0.740, 0.943, 0.88235),
    PaperRow("Chewie_20161007", "M1", "ner-paper", "knn", 0.760, 0.921, 0.91176),
    PaperRow("Chewie_20161007", "M1", "cebra-3", "linear", -2.482, 0.765, 0.91176),
    PaperRow("Chewie_20161007", "M1", "cebra-16", "knn", 0.710, 0.898, 0.94118),
    PaperRow("Chewie_20161007", "M1", "pi-vae", "linear", -0.091, 0.905, 0.94286),
    PaperRow("Chewie_20161007", "M1", "pi-vae", "knn", 0.739, 0.915, 0.97143),
    PaperRow("Chewie_20161007", "PMd", "ner-paper", "linear", 0.729, 0.937, 0.91176),
    PaperRow("Chewie_20161007", "PMd", "ner-paper", "knn", 0.772, 0.932, 0.91176),
    PaperRow("Chewie_20161007", "PMd", "cebra-3", "linear", -2.898, 0.735, 0.88235),
    PaperRow("Chewie_20161007", "PMd", "cebra-16", "knn", 0.786, 0.944, 1.00000),
    PaperRow("Han_20171201", "S1", "ner-paper", "linear", 0.702, 0.910, 0.62712),
    PaperRow("Han_20171201", "S1", "cebra-3", "linear", -2.698, 0.645, 0.77966),
    PaperRow("Han_20171201", "S1", "pi-vae", "linear", -0.706, 0.760, 0.77966),
)


def paper_rows(recordings: Iterable[str]) -> tuple[PaperRow, ...]:
    """Return the paper's rows for recordings, named by session and area."""
    names = set(recordings)
    return tuple(row for row in _PAPER if row.recording in names)

"""Project three-dimensional latents as seen by a camera that circles around them."""

import numpy as np

from rt_ner.core.arrays import FloatArray

_ELEVATION_DEG = 22.0
_DEG_PER_S = 12.0
# Distance in radii of the latents: near enough for depth, far enough to look calm.
_DISTANCE = 4.0


class Camera:
    """Projects latents to the screen; their centre is in its middle, and they fill it."""

    def __init__(self) -> None:
        self._azimuth_deg = -60.0
        self._centre = np.zeros(3)
        self._radius = 1.0
        self._rotation = np.eye(3)
        self.turn(0.0)

    def frame(self, latents: FloatArray) -> None:
        """Centre these latents ``(row, dims)`` and fill the screen with them."""
        points = in_three(latents)
        self._centre = np.median(points, axis=0)
        away = np.linalg.norm(points - self._centre, axis=1)
        self._radius = float(np.quantile(away, 0.98)) or 1.0

    def turn(self, seconds: float) -> None:
        """Circle on for a number of seconds."""
        self._azimuth_deg = (self._azimuth_deg + _DEG_PER_S * seconds) % 360.0
        angles = np.deg2rad([self._azimuth_deg, _ELEVATION_DEG])
        (c, c_up), (s, s_up) = np.cos(angles), np.sin(angles)
        around = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        above = np.array([[1.0, 0.0, 0.0], [0.0, c_up, s_up], [0.0, -s_up, c_up]])
        self._rotation = above @ around

    def project(self, latents: FloatArray) -> FloatArray:
        """Return the places ``(row, 2)`` of latents ``(row, dims)`` in perspective."""
        return self._seen((in_three(latents) - self._centre) / self._radius)

    def axes(self) -> FloatArray:
        """Return the ends ``(3, 2)`` of the three unit axes, without perspective."""
        return self._rotation.T[:, [0, 2]]

    def _seen(self, points: FloatArray) -> FloatArray:
        turned = points @ self._rotation.T
        nearness = _DISTANCE / (_DISTANCE + turned[:, 1:2])
        seen: FloatArray = turned[:, [0, 2]] * nearness
        return seen


def in_three(latents: FloatArray) -> FloatArray:
    """Return the first three dimensions of latents ``(row, dims)``, with zeros for missing ones."""
    points = np.zeros((len(latents), 3))
    n_dims = min(latents.shape[1], 3)
    points[:, :n_dims] = latents[:, :n_dims]
    return points

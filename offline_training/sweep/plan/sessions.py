"""Find, read and store the sessions of a sweep, each once."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from offline_training.compare.evaluation_split import areas_of
from offline_training.settings import learned_part
from offline_training.sweep.plan.plan import PlannedSession
from offline_training.sweep.results.folder import SweepFolder
from offline_training.sweep.settings import SessionGroup, SweepSettings
from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.data.loading import load_session, save_session


def planned_sessions(
    settings: SweepSettings, folder: SweepFolder, tell: Callable[[str], None]
) -> tuple[PlannedSession, ...]:
    """Return the sessions of a sweep, and store them in its folder.

    ``tell`` receives a line on each recording that can't be used; the others go on. Raises
    ConfigError if none is left, or two sessions have one name.
    """
    known = folder.read_sources()
    sources: dict[str, list[PlannedSession]] = {}
    n_bad = 0
    for group in settings.sessions:
        for path in _files(group):
            try:
                source = _source_key(path, group)
                sources[source] = known.get(source) or [*_stored(path, group, folder)]
            except SessionError as error:
                n_bad += 1
                tell(f"warning: left out: {error}")
            except OSError as error:
                n_bad += 1
                tell(f"warning: left out: {path}: {error.strerror or error}")
    folder.write_sources(sources)
    found = {each.sha256: each for entries in sources.values() for each in entries}
    if n_bad:
        tell(f"warning: recordings left out of the sweep: {n_bad}; sessions in it: {len(found)}")
    if not found:
        raise ConfigError("no session is left that could be read: see the lines above")
    _check_names(tuple(found.values()))
    return tuple(found.values())


def _files(group: SessionGroup) -> Iterator[Path]:
    """Yield the files of a group, in the order of their names; those of a pattern must exist."""
    for name in group.files:
        path = Path(name)
        if "*" not in name:
            yield path
            continue
        found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        if not found:
            raise ConfigError(f"sessions: no file matches {name}: check the path")
        yield from found


def _source_key(path: Path, group: SessionGroup) -> str:
    """Return a hash that changes with the file, its recipe, and what is read of it."""
    state = path.stat()
    recipe = Path(group.recipe).read_text(encoding="utf-8") if group.recipe else ""
    content = [str(path), state.st_size, state.st_mtime_ns, recipe, group.areas, group.outputs]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _stored(path: Path, group: SessionGroup, folder: SweepFolder) -> Iterator[PlannedSession]:
    """Read a recording, store each of its areas as a session, and yield them."""
    recipe = Path(group.recipe) if group.recipe else None
    for area in areas_of(path, group.areas, recipe):
        session = load_session(path, area, recipe=recipe)
        # Fails for outputs that it lacks.
        learned_part(session, group.outputs)
        stored = folder.session_file(session.sha256)
        if not stored.exists():
            save_session(session, stored)
        yield PlannedSession(
            name=session.name,
            area=session.area,
            sha256=session.sha256,
            outputs=group.outputs,
            has_directions=not session.trials.are_blocks,
            source=str(path),
        )


def _check_names(sessions: tuple[PlannedSession, ...]) -> None:
    by_name: dict[tuple[str, str], PlannedSession] = {}
    for session in sessions:
        other = by_name.setdefault((session.name, session.area), session)
        if other is not session:
            raise ConfigError(
                f"{session.source} and {other.source} are different sessions of the same name and "
                f"area ({session.name} {session.area}): rename one of the files"
            )

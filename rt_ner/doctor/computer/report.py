"""Print proposals and what became of them, or convert them to one JSON object."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from rt_ner.doctor.computer.proposal import Proposal, names_in_words
from rt_ner.doctor.computer.repair import TURNS, Applied, Left, Undone
from rt_ner.doctor.report import facts_table, report_table
from rt_ner.system.computer.wake_ups import WakeUps


def print_proposals(proposals: Sequence[Proposal], permitted: Sequence[bool], out: Console) -> None:
    """Print what is so now and what it would become, cause by cause."""
    for proposal, may in zip(proposals, permitted, strict=True):
        out.print(facts_table(proposal.name, _facts(proposal, may)))
        out.print()


def _facts(proposal: Proposal, is_permitted: bool) -> dict[str, str]:
    if not proposal.changes:
        return {"nothing to do": proposal.now}
    facts = {"now": proposal.now, "becomes": proposal.becomes, "why": proposal.why}
    files: dict[str, list[str]] = {}
    for change in proposal.changes:
        before = "no file" if change.before is None else change.before.strip()
        files.setdefault(f"{before} → {change.after.strip()}", []).append(change.file)
    facts["changes"] = "\n".join(
        f"{name}: {values}" for values, found in files.items() for name in names_in_words(found)
    )
    if proposal.notes:
        facts["note"] = "\n".join(proposal.notes)
    facts["permitted"] = "yes" if is_permitted else "no: needs root"
    return facts


def print_applied(applied: Sequence[Applied], core: int, out: Console) -> None:
    """Print what was changed, what was not and why, and the measured effect."""
    for each in applied:
        out.print(f"{each.name}: {_files(len(each.changed))} changed", soft_wrap=True)
        _print_left(each.left, "not changed", out)
    if any(each.changed for each in applied):
        out.print("rt-ner doctor --undo puts back what was there before", soft_wrap=True)
    measured = [each for each in applied if each.without and each.with_it]
    if measured:
        out.print()
        out.print(
            f"lateness of wake-ups on core {core}: medians of {TURNS} measurements each, in turns",
            soft_wrap=True,
        )
        out.print(_effects(measured))
    refused = {text for each in measured if each.without for text in each.without.refused}
    for text in sorted(refused):
        out.print(f"measured with less than the decoder asks for: {text}", soft_wrap=True)


def _effects(measured: Iterable[Applied]) -> Table:
    table = report_table("")
    for heading in ("", "", "p50 µs", "p99 µs", "max µs", "wake-ups"):
        table.add_column(heading, justify="right" if heading else "left")
    for each in measured:
        for words, wake_ups in (("before", each.without), ("after", each.with_it)):
            if wake_ups:
                table.add_row(each.name if words == "before" else "", words, *_numbers(wake_ups))
    return table


def _numbers(wake_ups: WakeUps) -> tuple[str, ...]:
    late_us = (wake_ups.p50_us, wake_ups.p99_us, wake_ups.max_us)
    return (*(f"{us:.0f}" for us in late_us), str(wake_ups.n))


def print_undone(undone: Undone, out: Console) -> None:
    """Print what was put back, what was not, and why."""
    for name in names_in_words(list(undone.put_back)):
        out.print(f"put back: {name}", soft_wrap=True)
    _print_left(undone.left, "left alone", out)
    _print_left(undone.refused, "can't be put back", out)
    if undone.n_restarted:
        out.print(
            f"{_files(undone.n_restarted)} put back by the restart of the computer", soft_wrap=True
        )


def _print_left(left: Sequence[Left], verb: str, out: Console) -> None:
    """Print the files that were left, by reason."""
    for reason, n in Counter(each.reason for each in left).items():
        names = names_in_words([each.file for each in left if each.reason == reason])
        out.print(f"{_files(n)} {verb} ({reason}): {', '.join(names)}", soft_wrap=True)


def _files(n: int) -> str:
    return f"{n} file" if n == 1 else f"{n} files"


def proposals_as_json(
    proposals: Sequence[Proposal], permitted: Sequence[bool]
) -> list[dict[str, object]]:
    """Return proposals for programs."""
    pairs = zip(proposals, permitted, strict=True)
    return [{**asdict(proposal), "is_permitted": may} for proposal, may in pairs]

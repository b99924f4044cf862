"""Turn the summaries of measurements into the rows of a table."""

from typing import Any

from rt_ner.bench.latency.results import STAGES


def latency_rows(summary: dict[str, Any]) -> dict[str, str]:
    """Return the rows of `bench latency`."""
    rows = {"floor": _spelled(summary["floor_us"])}
    if "floor_at_once_us" in summary:
        rows["floor at once"] = _spelled(summary["floor_at_once_us"])
    if "step_us" in summary:
        rows["step"] = _spelled(summary["step_us"])
    rows["end to end"] = _spelled(summary["end_to_end_us"])
    rows["end to end / floor"] = _spelled(summary["ratio"], ".2f", " ×")
    if "ordinary_us" in summary:
        rows["end to end, ordinary source"] = _spelled(summary["ordinary_us"])
        rows["… / floor"] = _spelled(summary["ordinary_ratio"], ".2f", " ×")
    if "quiet_us" in summary:
        rows["decoder alone"] = _spelled(summary["quiet_us"])
        rows["end to end / alone"] = _spelled(summary["to_quiet"], ".2f", " ×")
    rows["real-time priority"] = "yes" if summary["realtime"] else "no"
    rows["missed deadlines"] = (
        f"{summary['missed_deadlines']}, {summary['missed_in_stalls']} of them while a core stood "
        f"still; floor {summary['floor_missed_deadlines']}, {summary['floor_missed_in_stalls']}"
    )
    rows["lost bins"] = f"{summary['lost_bins']}; floor {summary['floor_lost_bins']}"
    for number, bin_us in enumerate(summary.get("worst", ())):
        rows[f"slowest bin {number + 1}"] = _slow_bin(bin_us)
    return rows


def _slow_bin(bin_us: dict[str, float]) -> str:
    """Return a slow bin's time, its longest stage, and what the computer did meanwhile."""
    longest = max(STAGES, key=lambda stage: bin_us[stage])
    return (
        f"{bin_us['end_to_end_us']:.0f} µs, of which {bin_us[longest]:.0f} until {longest}; source "
        f"{bin_us['source_late_us']:.0f} µs late; a core stood still for {bin_us['stall_us']:.0f} "
        f"µs; steal {bin_us['steal_ms']:.0f} ms"
    )


def step_rows(summary: dict[str, Any]) -> dict[str, str]:
    """Return the rows of `bench step`."""
    instructions = summary["instructions_a_bin"]
    return {
        "µs": _spelled(summary["step_us"], ".1f"),
        "ONNX Runtime, same network": _spelled(summary["onnx_runtime_us"], ".1f"),
        "step / ONNX Runtime": _spelled(summary["ratio"], ".2f", " ×"),
        "calls per bin": f"{summary['calls_a_bin']:g}",
        "memory blocks left behind per bin": f"{summary['blocks_left_a_bin']:g}",
        "instructions per bin": f"{instructions:,.0f}" if instructions else "unknown",
    }


def scale_rows(summary: dict[str, Any]) -> dict[str, str]:
    """Return the rows of `bench scale`."""
    rows = {}
    for row in summary["rows"]:
        if row["input"] == "events":
            rows[f"{row['events_per_s']:,.0f} events/s"] = _flood_row(row)
        elif row["input"] == "broadband":
            name = f"{row['channels']} channels at 30 kHz ({row['megabytes_per_s']:.0f} MB/s)"
            rows[name] = _flood_row(row)
        else:
            rows[f"{row['channels']} channels"] = _channels_row(row)
    power = summary["step_slope"]
    rows["step grows with channels to the power"] = "unknown" if power is None else f"{power:.2f}"
    return rows


def _channels_row(row: dict[str, Any]) -> str:
    step_us = row["step_us"]
    return (
        f"step p50 {step_us['p50']:.0f}, p99 {step_us['p99']:.0f} µs; "
        f"{row['ratio']['p50']:.2f} × the floor; {row['lost_bins']} bins lost"
    )


def _flood_row(row: dict[str, Any]) -> str:
    latency_us = row["latency_us"]
    if row["refused"]:
        return (
            f"refused by the decoder (FAULT): {row['sent_per_s']:,.0f} sent per second, "
            f"{row['late']:,} came late"
        )
    return (
        f"{'kept up' if row['keeps_up'] else 'did not keep up'}, {row['sent_per_s']:,.0f} sent "
        f"per second, latency p50 {latency_us['p50']:.0f}, p99 {latency_us['p99']:.0f} µs, "
        f"{row['skipped']:,} skipped, {row['overloads']} overloads"
    )


def peer_rows(summary: dict[str, Any]) -> dict[str, str]:
    """Return the rows of `bench peers`; all were measured with the same floor."""
    floor_us = summary["rows"][0]["floor_us"]
    rows = {"floor": f"p50 {floor_us['p50']:.0f}, p99 {floor_us['p99']:.0f} µs"}
    for row in summary["rows"]:
        whole_us = row["end_to_end_us"]
        rows[row["name"]] = (
            f"p50 {whole_us['p50']:.0f}, p99 {whole_us['p99']:.0f} µs; "
            f"{_above_floor(row)}; {row['lost_bins']} bins lost"
        )
    return rows


def _above_floor(row: dict[str, Any]) -> str:
    """Return how far a median is above the floor, or below it; a ratio only of what is above."""
    above_us, ratio = row["above_floor_us"], row["above_floor_to_ours"]
    if above_us < 0:
        return f"{-above_us:.0f} µs below the floor"
    times = f", {ratio:.1f} × rt-ner's" if ratio else ""
    return f"{above_us:.0f} µs above the floor{times}"


def _spelled(values: dict[str, float], form: str = ".0f", unit: str = "") -> str:
    """Return percentiles in one line."""
    return ", ".join(f"{at.replace('_', '.')} {value:{form}}{unit}" for at, value in values.items())

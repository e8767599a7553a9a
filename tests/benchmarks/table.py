"""Results of the benchmark as Markdown tables."""

import math

PEERS = {"kymatio_torch": "Kymatio, PyTorch", "kymatio_jax": "Kymatio, `jax.jit`"}


def table(results):
    """Return all tables and the conditions under which they were measured."""
    configurations = {name: works for name, works in results.items() if name not in PARTS}
    tables = [_configurations(configurations)]
    tables += [part(results[name]) for name, part in PARTS.items() if name in results]
    return "\n\n".join([*filter(None, tables), _conditions(results)])


def seconds_text(value, spread=None):
    """Format seconds and their spread in a suitable unit.

    >>> seconds_text(0.01234, [0.012, 0.01345])
    '12.3 [12.0–13.4] ms'
    """
    unit, factor = ("s", 1) if value >= 1 else ("ms", 1e3) if value >= 1e-3 else ("µs", 1e6)
    limits = f" [{'–'.join(_three_digits(limit * factor) for limit in spread)}]" if spread else ""
    return f"{_three_digits(value * factor)}{limits} {unit}"


def bytes_text(value):
    """Format bytes in a suitable unit.

    >>> bytes_text(5.678e9)
    '5.68 GB'
    """
    unit, factor = ("GB", 1e9) if value >= 1e9 else ("MB", 1e6)
    return f"{_three_digits(value / factor)} {unit}"


def ratio_text(value):
    """Format a ratio.

    >>> ratio_text(34.21)
    '34×'
    """
    return f"{value:.0f}×" if value >= 10 else f"{value:.1f}×"


def _three_digits(value):
    value = float(f"{value:.3g}")
    return f"{value:.{min(max(2 - math.floor(math.log10(value)), 0), 2)}f}" if value else "0"


def _rows(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else None


def _with_ratio(text, entry, quantity):
    ratio = entry.get(f"{quantity}_ratio")
    return text if ratio is None else f"{text} ({ratio_text(ratio)})"


def _run(entry):
    if "error" in entry:
        return "failed"
    if "median_seconds" not in entry:
        return ""
    text = seconds_text(entry["median_seconds"], entry.get("spread_seconds"))
    return _with_ratio(text, entry, "seconds")


def _peak(entry):
    if "error" in entry:
        return "failed"
    return _with_ratio(bytes_text(entry["peak_bytes"]), entry, "bytes") if entry else ""


def _compilation(entry):
    seconds = entry.get("compile_seconds")
    return "" if seconds is None else seconds_text(seconds)


def _configurations(results):
    records = [(name, *item) for name, works in results.items() for item in works.items()]
    peers = [peer for peer in PEERS if any(peer in record["entries"] for *_, record in records)]
    columns = {"jtfs_jax": "jtfs_jax"} | {peer: PEERS[peer] for peer in peers}
    header = ["configuration", "work"]
    for implementation, title in columns.items():
        compiles = [] if implementation == "kymatio_torch" else ["compiles in"]
        header += [title, *compiles, "peak memory"]
    rows = []
    for name, work, record in records:
        row = [name, f"`{work}`"]
        for implementation in columns:
            entry = record["entries"].get(implementation, {})
            compiles = [] if implementation == "kymatio_torch" else [_compilation(entry)]
            row += [_run(entry), *compiles, _peak(entry)]
        rows.append([*row, _error(record["entries"]["jtfs_jax"])])
    return _rows([*header, "relative error, median"], rows)


def _error(entry):
    error = entry.get("relative_error")
    if not error or error["median"] is None:
        return "none"
    return f"{error['median']:.0e}, to {PEERS.get(error['against'], error['against'])}"


def _buffers(entry):
    return "failed" if "error" in entry else bytes_text(entry["xla_bytes"] or 0)


QUANTITIES = {
    "seconds": ("time", _run),
    "bytes": ("peak memory", _peak),
    "xla_bytes": ("XLA's buffers", _buffers),
}


def _without_details(entry):
    details = ("spread_seconds", "seconds_ratio", "bytes_ratio")
    return {name: value for name, value in entry.items() if name not in details}


def _growth(works):
    header, rows = [], []
    for work, record in works.items():
        entries = record["entries"]
        header = ["growth with N", *(f"2^{int(n).bit_length() - 1}" for n in entries)]
        for quantity, (title, cell) in QUANTITIES.items():
            cells = [cell(_without_details(entry)) for entry in entries.values()]
            exponents = record["exponents"][quantity].values()
            fits = ["" if p is None else f"N^{p:.2f}" for p in exponents]
            rows.append([f"`{work}`, {title}", *cells, *fits])
    return _rows([*header, "fit", "fit of upper half"], rows)


def _batch(works):
    header, rows = [], []
    for work, record in works.items():
        header = ["batch", *(f"{n} × `metamer`" for n in record["entries"])]
        for title, cell in QUANTITIES.values():
            rows.append([f"`{work}`, {title}", *map(cell, record["entries"].values())])
    return _rows(header, rows)


def _operations(works):
    header, rows = [], []
    for work, record in works.items():
        header = ["XLA operations (paths)", *record["entries"]]
        cells = [
            "failed" if "error" in entry else f"{entry['operations']} ({entry['paths']})"
            for entry in record["entries"].values()
        ]
        rows.append([f"`{work}`", *cells])
    return _rows(header, rows)


PARTS = {"growth": _growth, "batch": _batch, "operations": _operations}


def _conditions(results):
    """Return one line per set of conditions, with the names measured under them."""
    lines = {}
    for name, works in results.items():
        lines.setdefault(_condition(works.values()), []).append(name)
    return "\n\n".join(f"*{', '.join(names)}:* {line}" for line, names in lines.items())


def _condition(records):
    facts = {"commands": {}, "versions": {}, "machines": {}, "devices": {}}
    for record in records:
        made_with = record["conditions"]
        facts["commands"][f"`{made_with['command']}`"] = None
        machine = f"{made_with['processor']}, {made_with['cores']} cores"
        facts["machines"][f"{machine}, {bytes_text(made_with['memory_bytes'])}"] = None
        revisions = {
            "jtfs_jax": made_with["revision"],
            "kymatio": made_with["kymatio_revision"],
            "Python": None,
        }
        versions = {"Python": made_with["python"]}
        for entry in record["entries"].values():
            versions |= entry.get("versions", {})
            facts["devices"] |= {entry["device"]: None} if "device" in entry else {}
        for package, version in versions.items():
            commit = f" ({revisions[package]})" if revisions.get(package) else ""
            facts["versions"][f"{package} {version}{commit}"] = None
    commands, versions, machines, devices = (list(fact) for fact in facts.values())
    packages = ", ".join(sorted(versions, key=str.lower))
    return f"{'; '.join(commands)}; {packages}; {'; '.join(machines)}; on {', '.join(devices)}."

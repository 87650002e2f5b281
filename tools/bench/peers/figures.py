"""Figures and what was left out, in the form of Report.swift: a line of JSON each."""

import json


def spread(values):
    ordered = sorted(values)
    return {"least": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1]}


def number(value):
    """Three digits that say something, with thousands apart."""
    if value == 0:
        return "0"
    if abs(value) < 10:
        return f"{value:.2f}"
    if abs(value) < 100:
        return f"{value:.1f}"
    return f"{value:,.0f}"


def words(value, unit):
    text = number(value["median"])
    if value["least"] != value["most"]:
        text += f" ({number(value['least'])} to {number(value['most'])})"
    return f"{text} {unit}".strip()


class Report:
    def __init__(self, path, part):
        self.path = path
        self.part = part

    def add(self, name, unit, values):
        value = spread([float(value) for value in values])
        print(f"{self.part}: {name}: {words(value, unit)}, n = {len(values)}", flush=True)
        figure = {"name": name, "n": len(values), "part": self.part, "unit": unit, "value": value}
        self._append({"figure": {"_0": figure}})

    def add_drained(self, name, ends, count, runs):
        """Two figures of the same runs: by the clock, and what it took of the processor, which other work on
        the machine changes less."""
        self.add(f"{name}: ends {ends}", "records/s", [count / run.seconds for run in runs])
        processor = [run.processor * 1e9 / count for run in runs]
        self.add(f"{name}: the processor's time, store, hub and client", "ns a record", processor)

    def skip(self, reason):
        print(f"{self.part}: skipped: {reason}", flush=True)
        self._append({"skipped": {"part": self.part, "reason": reason}})

    def _append(self, entry):
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
                file.write(text.replace("/", "\\/") + "\n")


def table(path, about):
    """For when Rollcall's own bench is not built: no figure of the peers has a floor or a limit."""
    rows = ["| part | figure | measured | n |", "|---|---|---|---|"]
    skipped = []
    with open(path, encoding="utf-8") as file:
        for entry in map(json.loads, file):
            if "figure" in entry:
                figure = entry["figure"]["_0"]
                value = words(figure["value"], figure["unit"])
                rows.append(f"| {figure['part']} | {figure['name']} | {value} | {figure['n']} |")
            else:
                left = entry["skipped"]
                skipped.append(f"\nNot measured: {left['part']}, because {left['reason']}.")
    head = [about, "", "Medians, with the least and the most of n runs.", ""]
    return "\n".join(head + rows + skipped)

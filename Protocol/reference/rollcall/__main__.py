"""A small branch: python3 -m rollcall join|add|sync|status ... --data DIR"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

from . import client
from .forms import FORMS, value_from
from .store import Store
from .wire import ProtocolError


def join(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.data)
    store = Store.open(folder) if (folder / "branch.json").exists() else Store.create(folder)
    # Kept before it is said, so that a second try shows the same key.
    store.save()
    joined = client.join(store, arguments.code, arguments.label)
    print(f"joined {joined['hubName']} as a device of {joined['unit']} {joined['unitName']}")
    if joined["state"] == "pending":
        print(f"the centre has to confirm these digits: {joined['confirmation']:06d}")
    return 0


def add(arguments: argparse.Namespace) -> int:
    store = Store.open(Path(arguments.data))
    form = FORMS[arguments.form]
    typed = dict(pair.split("=", 1) for pair in arguments.fields)
    if any(key["name"] == "day" for key in form["keys"]):
        typed.setdefault("day", date.today().isoformat())
    key = tuple(value_from(part, typed.pop(part["name"])) for part in form["keys"])
    fields = {field["name"]: field for field in form["fields"]}
    given = {fields[name]["id"]: value_from(fields[name], text) for name, text in typed.items()}
    for version in store.write(arguments.form, key, given, arguments.by):
        print(f"saved {version.form}: {version.dot.origin:016x}/{version.dot.sequence}")
    store.save()
    return 0


def sync(arguments: argparse.Namespace) -> int:
    store = Store.open(Path(arguments.data))
    session = client.sync(store)
    print(f"done: {session.receipted} receipted, nothing is left to send")
    return 0


def status(arguments: argparse.Namespace) -> int:
    store = Store.open(Path(arguments.data))
    told = {
        lane: {"queued": journal.last - journal.receipted, "arrived": journal.receipted}
        for lane, journal in store.journals.items()
    }
    rest = {"received": len(store.state["received"]), "verdicts": store.state["verdicts"]}
    print(json.dumps(told | rest | {"mark": store.state.get("mark")}))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="rollcall", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for work in (join, add, sync, status):
        command = commands.add_parser(work.__name__)
        command.set_defaults(work=work)
        if work is join:
            command.add_argument("code")
            command.add_argument("--label", default="reference")
        if work is add:
            command.add_argument("form", choices=sorted(FORMS))
            command.add_argument("fields", nargs="*", metavar="field=value")
            command.add_argument("--by", default="")
        command.add_argument("--data", required=True)
    arguments = parser.parse_args()
    try:
        return arguments.work(arguments)
    except ProtocolError as error:
        print(f"refused or broken off with {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"the hub cannot be reached ({error}); everything stays queued here", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

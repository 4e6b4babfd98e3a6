"""events.py - holds the events of jcall against share/jcall-events.schema.json, more strictly than that does: an event or a
member that it does not know is a fault. tests/integ/lab.py asks this of every event that a test reads."""
import functools, json, os

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../share/jcall-events.schema.json")


@functools.cache
def schema():
    with open(SCHEMA, encoding="utf8") as f:
        return json.load(f)


def _parts(branch):
    """What says something on one event: the head of the schema, its branch, and what that refers to."""
    return [schema(), branch] + [schema()["$defs"][r["$ref"].removeprefix("#/$defs/")] for r in branch.get("allOf", [])]


@functools.cache
def known():
    """{name of an event: ({member: its schema}, the members that are never missing)}"""
    events = {}
    for row in schema()["allOf"]:
        name, parts = row["if"]["properties"]["event"]["const"], _parts(row["then"])
        assert name not in events, f"the schema has {name} twice"
        events[name] = ({k: v for p in parts for k, v in p.get("properties", {}).items()}, {k for p in parts for k in p.get("required", ())})
    return events


def prepare():
    """Loads what takes time, before events come that a test waits for."""
    for name in known():
        _validator(name)


@functools.cache
def _validator(name):
    import jsonschema       # not before it is needed: `make demo` does without
    members, required = known()[name]
    return jsonschema.Draft202012Validator({"$schema": schema()["$schema"], "$defs": schema()["$defs"], "type": "object",
                                            "properties": members, "required": sorted(required), "additionalProperties": False})


def fault(event):
    """What is wrong with this event, in a sentence; None when it is valid."""
    name = event.get("event") if isinstance(event, dict) else None
    if not isinstance(name, str) or name not in known():
        return f"share/jcall-events.schema.json does not know the event {name!r}: {json.dumps(event)}"
    wrong = [f"{'.'.join(map(str, e.path)) or name}: {e.message}" for e in _validator(name).iter_errors(event)]
    return f"the event is invalid by share/jcall-events.schema.json: {'; '.join(wrong)}: {json.dumps(event)}" if wrong else None


def _no_number(text):
    raise ValueError(f"{text} is no JSON")


def read(line):
    """(the event of one line, which is bytes; None) or (None, why it is none)"""
    try:
        return json.loads(line.decode("utf8"), parse_constant=_no_number), None
    except ValueError as e:
        return None, f"not JSON ({e}): {line!r}"

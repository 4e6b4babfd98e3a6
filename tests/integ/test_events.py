#!/usr/bin/python3
"""That tests/integ/lab.py lets no event pass that share/jcall-events.schema.json does not allow."""
import json
from lab import *

RIGHT = {"event": "dtmf", "time": 1.5, "digit": "1", "call": 1}
WRONG = (       # what is wrong, and a word of the sentence that says so
    ({"event": "dtfm", "time": 1.5}, "does not know the event 'dtfm'"),
    ({"time": 1.5}, "does not know the event None"),
    ({**RIGHT, "digits": "1"}, "'digits'"),
    ({**RIGHT, "digit": 1}, "digit: 1 is not of type 'string'"),
    ({**RIGHT, "digit": None}, "digit: None is not of type 'string'"),
    ({**RIGHT, "digit": "x"}, "digit: 'x' does not match"),
    ({**RIGHT, "call": 1.5}, "call: 1.5 is not of type 'integer'"),
    ({**RIGHT, "time": "now"}, "time: 'now' is not of type 'number'"),
    ({"event": "dtmf", "time": 1.5}, "'digit' is a required property"),
    ({"event": "dtmf", "time": 1.5, "digit": "1"}, "'call' is a required property"),
    ({"event": "heard", "time": 1.5, "digit": "1"}, "'digit' was unexpected"),
    ({"event": "secured", "time": 1.5, "keying": "none", "suite": "AEAD_AES_128_GCM"}, "keying: 'none' is not one of"))
GARBLED = ('{"event": "heard", "time": NaN}', '{"event": "heard", "time": 1.5', '{"event": "heard"} {}', '{"event": "heard", "time": nan}')


def says(*lines):
    """A process that says these lines and then waits to be ended."""
    return Proc([sys.executable, "-c", "import sys; sys.stdout.write(sys.argv[1]); sys.stdout.flush(); sys.stdin.read()", "\n".join(lines) + "\n"],
                dict(os.environ), "somebody", stdin=subprocess.PIPE)


def failure(what):
    try:
        what()
    except AssertionError as e:
        return str(e)


def verdict(*lines):
    """What the test hears that waits for an event after these lines; None: no fault is found."""
    p = says(*lines, json.dumps({"event": "recovered", "time": 2, "call": 1}))
    try:
        return failure(lambda: p.wait("recovered"))
    finally:
        p.stop()


def test_a_valid_event_passes():
    assert verdict(json.dumps(RIGHT), "a line for people") is None


def test_each_wrong_event_fails_the_test_and_is_named():
    for event, word in WRONG:
        said = verdict(json.dumps(event))
        assert said and word in said and json.dumps(event) in said, (event, said)


def test_what_is_no_json_fails_the_test():
    for line in GARBLED:
        assert "not JSON" in (verdict(line) or ""), line


def test_a_wrong_event_that_nobody_waits_for_fails_too():
    p = says(json.dumps({"event": "dtfm", "time": 1.5}))
    p.p.stdin.close()
    assert "dtfm" in (failure(p.exit) or "")

    lab = Lab()
    lab.procs.append(p)
    assert "dtfm" in (failure(lab.validate) or "")
    lab.leave(None)


def test_others_may_read_events_and_members_that_the_schema_does_not_know():
    import jsonschema
    public = jsonschema.Draft202012Validator(schema.schema())
    public.check_schema(schema.schema())
    assert public.is_valid(RIGHT) and public.is_valid({**RIGHT, "new": 1}) and public.is_valid({"event": "new", "time": 1.5})
    for event, _ in WRONG:
        if "digits" not in event and event.get("event") in ("dtmf", "secured") or "event" not in event:
            assert not public.is_valid(event), event


if __name__ == "__main__":
    run_tests(globals())

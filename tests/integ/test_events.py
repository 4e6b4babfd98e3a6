#!/usr/bin/python3
"""That tests/integ/lab.py lets no event pass that share/jcall-events.schema.json does not allow."""
import json
from lab import *

RIGHT = {"event": "dtmf", "time": 1.5, "digit": "1", "peer": "a@b", "call": 1}
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
    ({"event": "dtmf", "time": 1.5, "digit": "1", "peer": "a@b"}, "'call' is a required property"),
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


def names(lines):
    told = [schema.read(line.encode()) for line in lines]
    assert told and not [fault for _, fault in told if fault], told
    assert not [fault for event, _ in told if (fault := schema.fault(event))]
    return [event["event"] for event, _ in told]


def test_events_go_where_they_are_wanted_beside_what_is_printed():
    """A file descriptor, a file, and a FIFO, while standard output carries sound."""
    with Lab() as lab:
        lab.answer("juliet", "-i", "tone")
        read, write = os.pipe()
        os.mkfifo(lab.path("fifo"))
        fifo = os.open(lab.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
        for where, whence in ((str(write), read), (lab.path("file"), None), (lab.path("fifo"), fifo)):
            with open(lab.path("sound"), "wb") as sound:
                romeo = lab.dial("romeo", "juliet", "-o", "-", "--for", "1", "--events", where, json_events=False, stdout=sound, pass_fds=(write,))
                assert romeo.exit() == 0
            if where == str(write):
                os.close(write)
                write = os.open(os.devnull, os.O_WRONLY)
            text = os.read(whence, 1 << 20).decode() if whence else open(where).read()
            assert text.endswith("\n")
            told = names(text.splitlines(True))
            assert told[0] == "connected" and told[-1] == "ended" and "heard" in told, told
            assert any("Talking with" in line for line in romeo.lines) and not any("{" in line for line in romeo.lines), romeo.lines
            assert os.path.getsize(lab.path("sound")) > 48000


def test_events_that_cannot_be_written_are_refused_before_anybody_is_rung():
    with Lab() as lab:
        os.mkfifo(lab.path("fifo"))
        for where, status, word in ((lab.path("fifo"), 31, "nobody reads"), ("/does/not/exist/x", 31, "No such file"), ("99", 2, "not open")):
            romeo = lab.dial("romeo", "juliet", "--events", where)
            assert romeo.exit() == status and len(romeo.lines) == 1 and word in romeo.lines[0], (where, romeo.lines)


def test_who_reads_events_slowly_holds_up_nothing_and_is_told_what_he_missed():
    with Lab() as lab:
        read, write = os.pipe()
        juliet = lab.answer("juliet", "--events", str(write), pass_fds=(write,))
        os.close(write)
        for _ in range(3):                      # nobody reads meanwhile
            assert lab.dial("romeo", "juliet", "--for", "1").exit() == 0
            juliet.wait("ended")
        with os.fdopen(read, "rb") as f:
            juliet.signal(signal.SIGTERM)
            told = names([line.decode() for line in f])
        assert juliet.exit() == 0
        assert told == [e["event"] for e in juliet.events], "they fit into what may wait"


if __name__ == "__main__":
    run_tests(globals())

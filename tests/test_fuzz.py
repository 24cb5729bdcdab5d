"""The parsers that read what a stranger wrote, under Hypothesis; ``scripts/fuzz.py`` goes deeper.

The same inputs in every run (``derandomize``), some seconds in all.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.errors import MienError
from tests.fuzz_seeds import seeds
from tests.fuzz_targets import TARGETS, TooDearError, probe, pumped, tokens

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = 60
SEVERAL = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def inputs(draw, name):
    """A seed with pieces cut out, repeated, replaced by others or by numbers of many digits."""
    data = bytearray(draw(st.sampled_from(seeds(name))))
    pieces = st.one_of(
        st.sampled_from(tokens(name)),
        st.binary(max_size=8),
        st.sampled_from([b"9" * 5000, b"9" * 400, b"-1", b"1e999", b"NaN", b"[" * 2000, b"\n"]),
    )
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, max(0, len(data) - 1)))
        end = first + draw(st.integers(0, 12))
        times = draw(st.sampled_from([1, 1, 1, 2, 300]))
        data[first:end] = draw(st.one_of(st.just(bytes(data[first:end])), pieces)) * times
        del data[20_000:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_only_our_errors_come_out_of_a_parser(name):
    @SEVERAL
    @given(data=inputs(name))
    def check(data):
        probe(name, data)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read(name):
    """A corpus that is refused at its first byte would fuzz nothing."""
    read = 0
    for seed in seeds(name):
        try:
            TARGETS[name](seed)
            read += 1
        except MienError:
            pass
    assert read >= 0.8 * len(seeds(name))


def test_the_probe_sees_another_error_and_time_that_grows_with_the_square(monkeypatch):
    def slow(data):
        end = time.process_time() + 1e-7 * len(data) ** 2
        while time.process_time() < end:
            pass

    monkeypatch.setitem(TARGETS, "wrong", lambda data: {}[data])
    monkeypatch.setitem(TARGETS, "slow", slow)
    with pytest.raises(KeyError):
        probe("wrong", b"x")
    with pytest.raises(TooDearError, match="slow: .* s for 4000 bytes"):
        probe("slow", b"x" * 4000)


def test_an_input_is_pumped_in_place():
    assert pumped(b"abcd", 1 + 4 * 1) == b"a" + b"bc" * 30_000 + b"d"


def test_the_fuzzer_runs_one_input_again(tmp_path):
    (tmp_path / "bad").write_bytes(b"GIF8")
    words = ["kinds", "--input", str(tmp_path / "bad")]
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "fuzz.py", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

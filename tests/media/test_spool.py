"""Spools: what went in comes out, wherever it lies."""

from __future__ import annotations

import gc
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mien.errors import OptionError
from mien.media import AudioSpool, CropSpool
from mien.scene import AudioTrack, CropStore, Samples
from mien.timebase import Segment

HANDLES = Path("/proc/self/fd")


@pytest.mark.parametrize("memory", [1000, 8_000_000])
def test_sound_by_time(memory: int) -> None:
    numbers = np.random.default_rng(2).integers(-32768, 32768, 40_000)
    planted: Samples = (numbers / 32768).astype(np.float32)
    with AudioSpool(memory) as spool:
        for start in range(0, 40_000, 7000):
            spool.append(planted[start : start + 7000])
        track: AudioTrack = spool
        assert track.duration == 2.5
        assert np.array_equal(track.read(Segment(0, 99)), planted)
        assert np.array_equal(track.read(Segment(0.5, 1.25)), planted[8000:20_000])
        assert track.read(Segment(2.5, 3)).shape == (0,)
        assert track.read(Segment(-1, 0)).shape == (0,)
        assert track.read(Segment(1, 1)).shape == (0,)
        assert track.read(Segment(0, 1)).dtype == np.float32
        track.read(Segment(0.1, 0.2))
        spool.append(planted[:10])
        assert np.array_equal(track.read(Segment(0, 2.5)), planted)
        assert np.array_equal(track.read(Segment(2.5, 99)), planted[:10])


def test_neighbours_share_no_sample() -> None:
    with AudioSpool() as spool:
        spool.append((np.arange(16_000) / 32768).astype(np.float32))
        cuts = [0.0, 0.111111, 0.33333, 0.5000312, 1.0]
        parts = [spool.read(Segment(a, b)) for a, b in itertools.pairwise(cuts)]
        assert np.array_equal(np.concatenate(parts), spool.read(Segment(0, 1)))


def test_loud_sound_is_cut_and_not_wrapped() -> None:
    with AudioSpool() as spool:
        spool.append(np.array([1.0, -1.0, 7.0, -7.0], np.float32))
        assert spool.read(Segment(0, 1)) == pytest.approx([1, -1, 1, -1], abs=1e-4)


def test_blocks() -> None:
    with AudioSpool() as spool:
        assert list(spool.blocks(1.0)) == []
        spool.append(np.full(40_000, 0.25, np.float32))
        blocks = list(spool.blocks(1.0))
        assert [b.start for b in blocks] == [0.0, 1.0, 2.0]
        assert [len(b.samples) for b in blocks] == [16_000, 16_000, 8000]
        with pytest.raises(OptionError, match="at least one sample"):
            next(spool.blocks(0))


@pytest.mark.parametrize("memory", [1000, 8_000_000])
def test_crops_by_index(memory: int) -> None:
    planted = np.random.default_rng(4).integers(0, 256, (9, 48, 48)).astype(np.uint8)
    with CropSpool(memory) as spool:
        assert [spool.append(crop) for crop in planted] == list(range(9))
        assert len(spool) == 9
        store: CropStore = spool
        assert np.array_equal(store.take([8, 0, 3, 3]), planted[[8, 0, 3, 3]])
        assert store.take([]).shape == (0, 48, 48)
        for wrong in (9, -1):
            with pytest.raises(IndexError, match=f"No crop {wrong}; there are 9"):
                store.take([wrong])
        with pytest.raises(OptionError, match=r"\(48, 48\) uint8"):
            spool.append(planted[0, 1:])


@pytest.mark.skipif(not HANDLES.is_dir(), reason="no /proc")
def test_the_file_goes_with_the_spool() -> None:
    def handles() -> int:
        return sum(1 for _ in HANDLES.iterdir())

    before = handles()
    spool = AudioSpool(memory=10)
    spool.append(np.zeros(1000, np.float32))
    assert handles() == before + 1
    spool.close()
    spool.close()
    assert handles() == before
    forgotten = AudioSpool(memory=10)
    forgotten.append(np.zeros(1000, np.float32))
    del forgotten
    gc.collect()
    assert handles() == before


@pytest.mark.parametrize("memory", [1000, 100_000_000])
def test_a_spool_is_read_by_several_threads(memory: int) -> None:
    """Each gets what it asked for: the file has one position for all of them."""
    with AudioSpool(memory=memory) as spool, CropSpool(memory=memory) as crops:
        for second in range(60):
            spool.append(np.full(16_000, second / 100, np.float32))
            crops.append(np.full((48, 48), second, np.uint8))

        def reads(start: int) -> bool:
            for turn in range(300):
                second = (start + 7 * turn) % 60
                sound = spool.read(Segment(second, second + 1))
                crop = crops.take([second])
                if not (np.allclose(sound, second / 100, atol=1e-4) and (crop == second).all()):
                    return False
            return True

        with ThreadPoolExecutor(8) as crew:
            assert all(crew.map(reads, range(8)))

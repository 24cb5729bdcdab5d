"""A recording that is stopped, and gone on with."""

import json

import numpy as np
import pytest

import mien
from mien.cut import CutOptions
from mien.errors import OptionError
from mien.results import Analysis


@pytest.mark.slow
def test_what_was_stopped_is_partial_and_goes_on_to_the_same_rows(demo_clip):
    options = mien.Options(cut=CutOptions("window", 1.0, 1.0))
    analyzer = mien.Analyzer(options)
    reached = [0.0]

    def tell(doing, share):
        if doing == "listening and looking":
            reached[0] = share

    partial = analyzer.analyze(demo_clip, tell, lambda: reached[0] > 0.55)
    assert partial.partial
    assert 0 < len(partial.segments) < 5
    assert set(partial.by_branch["text"].reasons) == {"stopped before the words were heard"}
    read = Analysis.from_dict(json.loads(partial.to_json()))
    joined, straight = analyzer.resume(demo_clip, read), analyzer.analyze(demo_clip)
    assert not joined.partial
    assert joined.segments == straight.segments
    face = joined.by_branch["face"], straight.by_branch["face"]
    assert np.allclose(face[0].probs, face[1].probs, atol=0.02, equal_nan=True)
    assert "stopped before the words were heard" not in joined.by_branch["text"].reasons
    assert analyzer.resume(demo_clip, straight) is straight
    other = mien.Analyzer(mien.Options(cut=CutOptions("window", 2.0, 1.0)))
    with pytest.raises(OptionError, match="another cut"):
        other.resume(demo_clip, read)

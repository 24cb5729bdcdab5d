"""What the training of faces does to its pictures."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

from mien.train import face_augment as augment
from tests.planted import gray


@pytest.fixture
def faces():
    return np.stack([gray(i % 8) for i in range(64)])


def as_tensor(pictures):
    return torch.from_numpy(pictures[:, None].astype(np.float32))


def test_all_randomness_comes_from_the_generator(faces):
    once, again, other = (
        augment.augment(faces, 48, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert once.shape == (64, 1, 48, 48)
    assert augment.augment(faces, 40, np.random.default_rng(1)).shape == (64, 1, 40, 40)
    # As the branch normalises: mean 0, deviation .5 where there is any contrast.
    assert once.mean((1, 2, 3)).abs().max() < 1e-3
    assert 0.3 < float(once.std((1, 2, 3)).median()) < 0.51


def test_only_the_asked_share_is_augmented(faces):
    def fine(pictures):
        """How much detail is left, by picture."""
        return (pictures[:, :, 1:] - pictures[:, :, :-1]).abs().mean((1, 2, 3))

    clean = fine(augment.augment(faces, 48, np.random.default_rng(0), augmented=0.0))
    half = fine(augment.augment(faces, 48, np.random.default_rng(0), augmented=0.5))
    assert torch.equal(half[32:], clean[32:])
    assert (half[:32] != clean[:32]).float().mean() > 0.7


def test_turns_are_no_larger_than_said():
    bar = np.full((200, 48, 48), 20, np.uint8)
    bar[:, 22:26] = 220
    framed = augment.frame(as_tensor(bar), np.random.default_rng(0)).numpy()[:, 0]
    angles = []
    for picture in framed:
        down, across = np.nonzero(picture > 120)
        if np.ptp(across) > 30:
            angles.append(np.degrees(np.arctan(np.polyfit(across, down, 1)[0])))
    assert len(angles) > 150
    assert 6 < np.std(angles) < 12
    assert np.abs(angles).max() < augment.TURN + 4  # the sides are stretched a little, too


def test_kernels_keep_the_light_and_smooth():
    kernels = augment.blur_kernels(200, np.random.default_rng(0))
    assert kernels.sum((1, 2)) == pytest.approx(np.ones(200), abs=1e-5)
    assert kernels.min() >= 0
    assert (kernels[:, 4, 4] < 0.9).mean() > 0.8
    moved = np.full((8, 48, 48), 90, np.uint8)
    same = augment.blur(as_tensor(moved), np.random.default_rng(0), share=1.0)
    assert same.numpy() == pytest.approx(90.0, abs=1e-3)


@pytest.mark.parametrize("step", ["cover", "light", "blur", "shrink"])
def test_each_step_changes_the_asked_share(faces, step):
    change = getattr(augment, step)
    tensor = as_tensor(faces)
    none = change(tensor, np.random.default_rng(0), share=0.0)
    assert torch.allclose(none, tensor, atol=0.05)
    every = change(tensor, np.random.default_rng(0), share=1.0)
    changed = (every - tensor).abs().mean((1, 2, 3)) > 0.2
    assert changed.float().mean() > 0.9


def test_compression_makes_blocks_of_the_pictures(faces):
    assert (augment.compress(faces, np.random.default_rng(0), share=0.0) == faces).all()
    coded = augment.compress(faces, np.random.default_rng(0), share=1.0)
    gap = np.abs(coded.astype(int) - faces).mean((1, 2))
    assert gap.min() > 0.5
    assert gap.max() < 40, "a face is still to be seen"

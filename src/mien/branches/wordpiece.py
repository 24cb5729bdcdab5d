"""Turning texts into token ids with the tokenizer file of a pack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.packs import Pack, check_contract

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenContract:
    """What the net is shown; written into the pack and checked against it."""

    tokenizer: str = "tokenizer.json"
    longest: int = 96

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self.__dict__)


CONTRACT = TokenContract()


class Tokens:
    """A tokenizer that pads to the longest text of a batch."""

    def __init__(self, path: Path, longest: int = CONTRACT.longest) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.no_padding()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, the special tokens included, without padding."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]


class Windows:
    """Front end of a text of any length, in windows as long as the net can read.

    The windows of a long text share a quarter and count by their tokens.

    Args:
        pack: of the net, with its tokenizer; its contract says how long a window is.
    """

    def __init__(self, pack: Pack) -> None:
        from tokenizers import Tokenizer

        contract = pack.manifest.input
        longest = int(contract["longest"])
        self._tokenizer = Tokenizer.from_file(str(pack.folder / contract["tokenizer"]))
        self._tokenizer.enable_truncation(longest, stride=longest // 4)
        self._tokenizer.no_padding()

    def batches(self, text: str) -> Iterator[tuple[dict[str, IntArray], float]]:
        """Ids and mask of one window after the other, with its number of tokens."""
        first = self._tokenizer.encode(text)
        for window in (first, *first.overflowing):
            ids, mask = pad([window.ids])
            yield {"ids": ids, "mask": mask}, float(len(window.ids))


class WordPiece(Windows):
    """Front end of the nets that mien trains, which read 96 tokens at once.

    Args:
        pack: of the net, with its tokenizer.

    Raises:
        PackError: if the pack was trained with other settings.
    """

    def __init__(self, pack: Pack) -> None:
        check_contract(CONTRACT.as_dict(), pack.manifest.input)
        super().__init__(pack)


def pad(rows: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """Ids and mask ``(n, longest)``; id 0 and mask 0 where a row has ended."""
    longest = max(len(row) for row in rows)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask

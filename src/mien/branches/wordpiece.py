"""Convert texts to token ids with the tokenizer file of a pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import PackError
from mien.packs import Pack, check_contract

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenContract:
    """Input contract of the net; written into the pack and compared with it.

    Args:
        tokenizer: file name in the pack.
        longest: maximum number of tokens per window.
        spoken: token that precedes spoken, but not written, text.
    """

    tokenizer: str = "tokenizer.json"
    longest: int = 96
    spoken: str = "[unused0]"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self.__dict__)


CONTRACT = TokenContract()


class Tokens:
    """The tokenizer of the nets that mien trains.

    Args:
        path: tokenizer file.
        contract: maximum length and marker of spoken text.
    """

    def __init__(self, path: Path, contract: TokenContract = CONTRACT) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.enable_truncation(contract.longest)
        self._tokenizer.no_padding()
        self._mark = marking(self._tokenizer, contract.spoken)

    def ids(self, texts: Sequence[str], spoken: Sequence[bool]) -> list[list[int]]:
        """Token ids of each text, including special tokens, without padding."""
        found = self._tokenizer.encode_batch(list(texts))
        return [
            self._mark(encoding.ids) if is_spoken else encoding.ids
            for encoding, is_spoken in zip(found, spoken, strict=True)
        ]


def marking(tokenizer: Any, token: str) -> Callable[[list[int]], list[int]]:
    """A function that inserts a token after the first of a row of ids.

    Raises:
        PackError: if the tokenizer does not have the token.
    """
    mark = tokenizer.token_to_id(token)
    if mark is None:
        raise PackError(f"The tokenizer has no token {token!r}, which marks spoken text.")
    return lambda ids: [ids[0], int(mark), *ids[1:]]


class Windows:
    """Front end of a text of any length, in windows of the net's maximum length.

    The windows of a long text overlap by a quarter and are weighted by their tokens.

    Args:
        pack: pack of the net, with its tokenizer; its contract sets the length of a window.
    """

    def __init__(self, pack: Pack) -> None:
        contract = pack.manifest.input
        try:
            longest, name = int(contract["longest"]), str(contract["tokenizer"])
        except (KeyError, TypeError, ValueError) as error:
            raise PackError(f"its input contract has no valid {error}") from None
        self._tokenizer = _tokenizer(pack.read(name), pack.folder)
        self._tokenizer.enable_truncation(longest, stride=longest // 4)
        self._tokenizer.no_padding()

    def batches(self, text: str, spoken: bool) -> Iterator[tuple[dict[str, IntArray], float]]:
        """Ids and mask of each window, with its number of tokens.

        Args:
            text: of any length.
            spoken: whether it was spoken; ignored by nets without a marker.
        """
        first = self._tokenizer.encode(text)
        for window in (first, *first.overflowing):
            ids, mask = pad([self._marked(window.ids, spoken)])
            yield {"ids": ids, "mask": mask}, float(len(window.ids))

    def _marked(self, ids: list[int], spoken: bool) -> list[int]:
        return ids


def _tokenizer(content: bytes, folder: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_buffer(content)
    except Exception as error:
        # The tokenizers library raises plain exceptions.
        raise PackError(f"{folder} has no valid tokenizer ({str(error)[:200]}).") from None


class WordPiece(Windows):
    """Front end of the nets that mien trains, with a marker of spoken text.

    Args:
        pack: pack of the net, with its tokenizer.

    Raises:
        PackError: if the pack was trained with other settings.
    """

    def __init__(self, pack: Pack) -> None:
        check_contract(CONTRACT.as_dict(), pack.manifest.input)
        super().__init__(pack)
        self._mark = marking(self._tokenizer, CONTRACT.spoken)

    def _marked(self, ids: list[int], spoken: bool) -> list[int]:
        return self._mark(ids) if spoken else ids


def pad(rows: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """Ids and mask ``(n, longest)``; shorter rows are padded with id 0 and mask 0."""
    longest = max(len(row) for row in rows)
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask

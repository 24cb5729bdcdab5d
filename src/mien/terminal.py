"""Columns in a terminal of any width: headings and cells are never cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, JustifyMethod
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        heading: above the cells.
        cells: one a row.
        justify: ``left`` or ``right``.
    """

    heading: str
    cells: Sequence[Text]
    justify: JustifyMethod = "left"

    @property
    def width(self) -> int:
        """In characters of a terminal, without padding."""
        heading = Text(self.heading)
        return max(heading.cell_len, *(cell.cell_len for cell in self.cells), 0)


@dataclass(frozen=True)
class Grid:
    """A table without lines; columns that do not fit beside the others stand below them.

    Args:
        first: the column that names the rows; it is repeated in every block.
        columns: the others, in order.
        padding: spaces between two columns.
        title: above the first block.
        header_style: of the headings, as Rich names styles.
    """

    first: Column
    columns: Sequence[Column]
    padding: int = 1
    title: str = ""
    header_style: str = ""

    @property
    def width(self) -> int:
        """Characters that it takes in one block."""
        return sum(column.width + self.padding for column in (self.first, *self.columns))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
        """One table a block, an empty line between two."""
        first, *later = self._blocks(options.max_width)
        yield self._table(first, self.title)
        for block in later:
            yield Text()
            yield self._table(block, "")

    def _blocks(self, width: int) -> list[list[Column]]:
        blocks: list[list[Column]] = [[]]
        taken = start = self.first.width + self.padding
        for column in self.columns:
            if blocks[-1] and taken + column.width > width:
                blocks.append([])
                taken = start
            blocks[-1].append(column)
            taken += column.width + self.padding
        return blocks

    def _table(self, columns: Sequence[Column], title: str) -> Table:
        table = Table(
            title=title or None,
            title_justify="left",
            box=None,
            padding=(0, self.padding, 0, 0),
            pad_edge=False,
            header_style=self.header_style,
        )
        shown = (self.first, *columns)
        for column in shown:
            table.add_column(column.heading, justify=column.justify, no_wrap=True)
        for cells in zip(*(column.cells for column in shown), strict=True):
            table.add_row(*cells)
        return table


@dataclass(frozen=True)
class Widest:
    """The first of several grids that fits into one block; the last if none does."""

    grids: Sequence[Grid]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Grid]:
        """The one that is chosen."""
        fitting = (grid for grid in self.grids if grid.width - grid.padding <= options.max_width)
        yield next(fitting, self.grids[-1])

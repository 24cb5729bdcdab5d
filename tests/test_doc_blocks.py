"""The code blocks of README and docs run as they stand."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.docblocks import Block, DocError, blocks, documents, run, says

ROOT = Path(__file__).resolve().parents[1]
RUN = ("python", "console", "bash")
PAGES = [page for page in documents() if any(b.language in RUN for b in blocks(page))]


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """What ``mien demo`` leaves: ``demo/demo.mp4`` and what was made of it."""
    from mien.demo import run_demo

    folder = tmp_path_factory.mktemp("documents") / "demo"
    run_demo(folder, lambda stage, share: None)
    return folder


SERVED = "http://127.0.0.1:8765"
"""The address of the service in the documents."""


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The address of a service that runs."""
    pytest.importorskip("fastapi")
    from tests.serving import Serving

    with Serving(tmp_path_factory.mktemp("service") / "state", "--min-free", "0") as service:
        yield service.url


def as_served(block, request):
    """The block with the address of a service that runs, where it names one."""
    if SERVED not in block.text:
        return block
    return replace(block, text=block.text.replace(SERVED, request.getfixturevalue("served")))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_the_blocks_of_a_page_run_one_after_the_other(page, demo, tmp_path, monkeypatch, request):
    (tmp_path / "demo").symlink_to(demo, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names, skipped = {}, []
    for block in blocks(page):
        if block.language not in RUN:
            continue
        if block.not_run is not None:
            skipped.append(f"{block} ({block.not_run})")
            continue
        run(as_served(block, request), names)
    print(f"{page.name}: {len(skipped)} not run: {'; '.join(skipped)}")


def test_most_blocks_run_and_those_that_do_not_say_why():
    everything = [b for page in documents() for b in blocks(page) if b.language in RUN]
    left = [block for block in everything if block.not_run is not None]
    assert all(block.not_run for block in left), "'<!-- not run: REASON -->' needs its reason"
    # Those of plug-ins and examples are run by the tests of these.
    left = [block for block in left if "its tests run" not in str(block.not_run)]
    print(f"{len(everything)} blocks, {len(left)} not run")
    assert 2 * len(left) < len(everything)


def test_no_command_hides_in_a_block_without_a_language():
    hidden = [
        f"{block}: {line}"
        for page in documents()
        for block in blocks(page)
        if block.language not in RUN and block.not_run is None
        for line in block.text.splitlines()
        if re.match(r"\s*(\$ |mien |>>> |import mien)", line)
    ]
    assert hidden == [], "mark the block ```console or ```python"


# --- the runner finds what is wrong ----------------------------------------------------------

PAGE = """
```python
x = 3
```
<!-- not run: no data -->
```console
$ mien evaluate text --data none
```

```xml
<a/>
```
<!-- not run: this stands above a text -->
Words.
```console
$ echo "a b" > note.txt
$ cat note.txt
a b
```
"""


def page(folder, text):
    path = folder / "page.md"
    path.write_text(text)
    return path


def test_blocks_are_found_with_their_language_and_reason(tmp_path):
    found = blocks(page(tmp_path, PAGE))
    assert [b.language for b in found] == ["python", "console", "xml", "console"]
    assert [b.not_run for b in found] == [None, "no data", None, None]
    assert [b.line for b in found] == [2, 6, 10, 15]
    with pytest.raises(DocError, match="never closed"):
        blocks(page(tmp_path, "```python\nx = 1\n"))


def block(language, *lines):
    return Block(Path("page.md"), 1, language, "\n".join(lines), None)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (block("python", "1 / 0"), "ZeroDivisionError"),
        (block("python", "from mien import no_such_name"), "no_such_name"),
        (block("python", "x = 2", "x + 1  # 4"), "it is 3 and not 4"),
        (block("python", "['joy']  # ['anger']"), "and not"),
        (block("console", "$ mien analyse x.mp4"), "No such command"),
        (block("console", "$ mien analyze none.mp4"), "none.mp4"),
        (block("console", "$ mien models list --sorted"), "No such option"),
        (block("console", "$ mien models info text | grep -q no-such-word"), "fails with 1"),
        (block("console", "$ python train.py"), "'python' is not run here"),
        (block("console", "$ make test"), "'make' is not run here"),
        (block("console", "$ cat none.txt"), "none.txt"),
        (block("console", "$ echo joy .50", "joy .80"), "and not"),
        (block("console", "mien models list"), "before any"),
        (block("bash", "for word in a b; do", "  test $word = a", "done"), "fails with 1"),
        (block("bash", "mien models list | grep no-such-pack"), "fails with 1"),
    ],
)
def test_what_is_wrong_is_found(given, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DocError, match=match):
        run(given, {})


def test_what_is_right_passes_and_variables_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    run(block("python", "x = [", "    2]  # two", "x  # [2]", "x[0]  # any number"), names)
    run(block("python", "x.append(3)", "x  # [2, 3]"), names)
    run(
        block("console", '$ echo "a b" \\', "    > note.txt", "$ cat note.txt  # so", "a  b"), names
    )
    run(block("console", "$ mien models list | grep mien-text"), names)
    assert (tmp_path / "note.txt").read_text() == "a b\n"


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ("joy 0.51", True),
        ("joy 0.6", False),
        ("text ... joy", True),
        ("joy ... text", False),
        ("text ...\n...", True),
        ("...\n... joy ...", True),
        ("... face ...\n...", False),
    ],
)
def test_output_is_compared_by_words_and_numbers(expected, holds):
    assert says("text\n  joy   0.50\n", expected) is holds

"""The documentation site: whole, accessible, and built and read without the network."""

import functools
import http.server
import re
import shutil
import threading
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

pytest.importorskip("mkdocs", reason="MkDocs is not installed (extra 'docs')")

import site_hooks

import mien
from tests.guarded import watch

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
KINDS = (
    "index", "start", "gallery", "limits", "howto/two-speakers", "concepts/fusion", "api/errors",
    "paper", "cards/face/index", "results/index", "decisions/0016-documentation-site",
)  # fmt: skip
"""A page of each kind."""


# --- the parts -------------------------------------------------------------------------------


def test_every_public_name_is_in_the_reference():
    pages = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "api").glob("*.md"))
    documented = {name.rsplit(".", 1)[-1] for name in re.findall(r"^::: (\S+)$", pages, re.M)}
    modules = {name for name in documented if name.islower()}
    left = set(mien.__all__) - documented
    assert left == {"MienError"}, "put '::: home.of.Name' into a page of docs/api"
    assert "errors" in modules  # MienError is in the page of the whole module


@pytest.mark.parametrize(
    ("page", "given", "led"),
    [
        ("words.md", "[a](../benchmarks/results/asr.md#x)", "[a](results/asr.md#x)"),
        ("concepts/face.md", "![b](../../src/mien/embedded/face/curves.png)",
         "![b](../cards/face/curves.png)"),
        ("decisions/index.md", "[c](../../README.md)", "[c](../index.md)"),
        ("glossary.md", "[n](../README.md#the-answer-and-how-to-read-it)",
         "[n](concepts/numbers.md)"),
        ("cards/face/index.md", "[d](../../../../docs/fusion.md)", "[d](../../fusion.md)"),
        ("changelog.md", "[e](docs/security.md) [f](CONTRIBUTING.md)",
         "[e](security.md) [f](contributing.md)"),
        ("results/asr.md", "[g](asr_confidence.md)", "[g](asr_confidence.md)"),
        ("fusion.md", "[h](https://example.org/a.md) [i](#here)",
         "[h](https://example.org/a.md) [i](#here)"),
        ("start.md", "`[k](../NOTICE)`\n\n```\n[l](../NOTICE)\n```\n\n[m](../NOTICE)",
         "`[k](../NOTICE)`\n\n```\n[l](../NOTICE)\n```\n\n[m](NOTICE.txt)"),
        ("start.md", '<img src="../benchmarks/results/length.png">',
         '<img src="results/length.png">'),
    ],
)  # fmt: skip
def test_links_to_files_of_the_repository_lead_to_their_copies(page, given, led):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    made = site_hooks.on_page_markdown(given, page, None, None)
    assert made.startswith(led)


def test_a_link_to_a_file_that_the_site_lacks_is_a_warning(caplog):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="start.md"))
    site_hooks.on_page_markdown("[a](../pyproject.toml)", page, None, None)
    assert "pyproject.toml, which the site lacks" in caplog.text


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ("declared(cut=f.spans, join=f.latest, default=())", "()"),
        ("declared(cut=f.by_row, join=f.appended, default_factory=dict)", "dict()"),
        ("declared(cut=f.by_row, rows=f.of_segments)", None),
        ("option('auto', '--asr', 'Recogniser.')", "'auto'"),
        ("field(default_factory=lambda: MediaOptions())", "MediaOptions()"),
    ],
)
def test_the_reference_shows_the_default_and_not_its_declaration(declared, shown):
    pytest.importorskip("griffe", reason="griffe is not installed (extra 'docs')")
    from site_griffe import plain_default

    assert plain_default(declared) == shown


# --- the whole -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site with its gallery, built under watch."""
    folder = tmp_path_factory.mktemp("site")
    gallery = folder / "gallery"
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    made = watch([str(ROOT / "scripts/gallery.py"), str(gallery)], folder / "one", native=False)
    built = watch(
        ["-m", "mkdocs", "build", "--quiet", "-f", str(ROOT / "mkdocs.yml"), "-d",
         str(folder / "site")],
        folder / "two", MIEN_GALLERY=str(gallery), NO_MKDOCS_2_WARNING="1",
    )  # fmt: skip
    return SimpleNamespace(folder=folder / "site", made=made, built=built)


class Links(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, text):
        super().__init__()
        self.to, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[k] for k in ("id", "name") if given.get(k)}
        if tag in ("a", "img", "script", "link"):
            self.to += [given[k] for k in ("href", "src") if given.get(k)]


@pytest.mark.slow
def test_it_is_built_without_a_warning_and_without_the_network(site):
    assert site.made.network == []
    assert site.built.network == []
    assert "WARNING" not in site.built.output
    assert (site.folder / "index.html").is_file()


@pytest.mark.slow
def test_every_link_within_the_site_leads_somewhere(site):
    pages = {
        path.resolve(): Links(path.read_text(encoding="utf-8"))
        for path in site.folder.rglob("*.html")
        if path.parent.name != "gallery" and path.name != "404.html"
    }
    assert len(pages) > 80
    lost = []
    for path, page in pages.items():
        for target in page.to:
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = unquote(target).partition("#")
            file = (path.parent / name).resolve() if name else path
            file = file / "index.html" if file.is_dir() else file
            known = pages.get(file)
            if not file.is_file() or (anchor and known and anchor not in known.anchors):
                lost.append(f"{path.relative_to(site.folder.resolve())}: {target}")
    assert lost == []


@pytest.fixture(scope="module")
def address(site):
    """The site behind a web server of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *given):
            pass

    handler = functools.partial(Quiet, directory=str(site.folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        running = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(("width", "theme"), [(400, "light"), (900, "dark"), (1440, "dark")])
def test_pages_ask_nobody_fit_their_width_and_are_accessible(address, browser, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    said, asked = [], []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    found = []
    for kind in KINDS:
        page.goto(f"{address}{kind}.html")
        page.wait_for_load_state("networkidle")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{kind}: wider than the window")
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                where = violation["nodes"][0]["html"][:120]
                found.append(f"{kind}: {violation['id']}, {len(violation['nodes'])} times: {where}")
    page.close()
    assert found == []
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


@pytest.mark.slow
@needs_chromium
def test_the_search_finds_a_page(address, browser):
    page = browser.new_page()
    page.goto(f"{address}index.html")
    page.keyboard.press("/")
    page.wait_for_selector(".md-search__input:focus")
    page.keyboard.type("kappa agreement")
    page.wait_for_selector(".md-search-result__link")
    links = page.eval_on_selector_all(".md-search-result__link", "all => all.map(a => a.href)")
    assert any("howto/code-by-hand" in link for link in links)
    page.close()


@pytest.mark.slow
@needs_chromium
def test_the_pages_open_from_a_disk(site, browser):
    page = browser.new_page()
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto((site.folder / "start.html").as_uri())
    page.click("text=What mien cannot do")
    assert page.title().startswith("Honest limits")
    # Search needs a web server; the theme asks for an index that only its offline plugin writes.
    assert {Path(url).name for url in failed} <= {"search_index.js"}
    page.close()

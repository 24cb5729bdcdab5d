"""``mien serve`` and ``mien serve keys``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.errors import MissingExtraError, OptionError
from mien.facts import shown

if TYPE_CHECKING:
    from mien.server.keys import Keys
    from mien.server.settings import Settings

FOLDER = Path("mien-service")
LIMITS = "Limits"
PACKAGES = (
    "fastapi",
    "httptools",
    "prometheus_client",
    "python_multipart",
    "uvicorn",
    "websockets",
)
"""The extra ``server``."""
app = typer.Typer(help="Run the service: jobs over HTTP, and a page to work in.")
keys = typer.Typer(no_args_is_help=True, help="Make, list and remove the keys of clients.")
app.add_typer(keys, name="keys")
Folder = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder of the state: database, recordings, results.")
]


def _limit(help: str, **more: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=LIMITS, **more)


@app.callback(invoke_without_command=True)
def serve(
    ctx: typer.Context,
    folder: Folder = FOLDER,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine's need a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8765,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name by which browsers may reach it; repeatable."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Analyses at a time. Default: 2, on one core 1.")
    ] = None,
    max_upload: Annotated[float, _limit("Size of an upload in MB.", min=0.001)] = 2000,
    max_minutes: Annotated[float, _limit("Length of a recording in minutes.", min=0.01)] = 2880,
    max_queue: Annotated[int, _limit("Jobs that wait.", min=1)] = 100,
    max_jobs: Annotated[int, _limit("Jobs that a key may have, ended ones too.", min=1)] = 1000,
    min_free: Annotated[float, _limit("MB of the disk that uploads leave free.", min=0)] = 1000,
    job_minutes: Annotated[float, _limit("Time of one analysis in minutes.", min=0.01)] = 240,
    job_memory: Annotated[float, _limit("Memory of one analysis in GB.", min=0.05)] = 8,
    live_sessions: Annotated[int, _limit("Live sessions at a time.", min=1)] = 2,
    notice: Annotated[
        bool,
        typer.Option("--notice", help="Print the notice for the people shown, and exit."),
    ] = False,
) -> None:
    """Serve jobs over HTTP, and a page to work in.

    Without a key it listens to this machine only. Stop it by Ctrl-C; jobs that
    run begin again at the next start.
    """
    if ctx.invoked_subcommand is not None:
        return
    if notice:
        from mien.server.notice import TEMPLATE

        typer.echo(TEMPLATE)
        return
    _need()
    from mien.server.settings import Settings

    more = {} if workers is None else {"workers": workers}
    _run(
        Settings(
            folder.absolute(),
            host=host,
            port=port,
            allow_hosts=tuple(allow_host or ()),
            max_upload=round(max_upload * 1e6),
            max_duration=60 * max_minutes,
            max_queue=max_queue,
            max_jobs=max_jobs,
            min_free=round(min_free * 1e6),
            job_seconds=60 * job_minutes,
            live_sessions=live_sessions,
            job_memory=round(job_memory * 1e9),
            **more,
        )
    )


def _need() -> None:
    """Refuse to go on without the extra.

    Raises:
        MissingExtraError: if it is not installed.
    """
    if any(find_spec(package) is None for package in PACKAGES):
        raise MissingExtraError("mien serve", "server")


def _run(settings: Settings) -> None:
    from mien.server.run import run

    with _keys(settings.folder) as known:
        if not settings.loopback and not known.any():
            raise OptionError(
                f"--host {shown(settings.host)} would let other machines in, and there is no key; "
                "make one by 'mien serve keys add NAME', or leave --host out to serve this "
                "machine only."
            )
        _say_notice(known)
    run(settings)


def _say_notice(known: Keys) -> None:
    from mien.server import notice

    if notice.first_time(known.store):
        typer.echo(notice.BANNER, err=True)


def _keys(folder: Path) -> Keys:
    from mien.server.keys import Keys
    from mien.server.store import Store

    return Keys(Store(folder.absolute()))


@keys.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")], folder: Folder = FOLDER
) -> None:
    """Make a key and print it; the service keeps its digest only."""
    with _keys(folder) as known:
        typer.echo(known.add(name))
    typer.echo("mien: this key is shown once; keep it safe.", err=True)


@keys.command("list")
def keys_list(folder: Folder = FOLDER) -> None:
    """List the names of the keys."""
    with _keys(folder) as known:
        for name in known.names():
            typer.echo(shown(name))


@keys.command("remove")
def keys_remove(
    name: Annotated[str, typer.Argument(help="Whose key it is.")], folder: Folder = FOLDER
) -> None:
    """Take a key back; its jobs stay, for a new key of the same name."""
    with _keys(folder) as known:
        known.remove(name)
